-- CASE: both forms, type resolution, laziness.
select case when true then 1 else 2 end, case when false then 1 else 2 end, case when false then 1 end;
select case 1 when 1 then 'one' when 2 then 'two' else 'many' end, case 3 when 1 then 'one' end, case null when null then 'null' else 'not' end;
select case when 1 = 1 then 1 else 1.5 end, case when 1 = 2 then 1 else 1.5 end;
select case when true then 1 else 1 / 0 end;
select case when null then 'a' when true then 'b' end;
select case when 1 then 2 end;
select case when true then 1 else 'x' end;
select case when true then 'a' else 1 end;
select case when true then 1 else true end;
create table c (id int primary key, v int);
insert into c values (1, 10), (2, 20), (3, null);
select id, case when v > 15 then 'big' when v is null then 'none' else 'small' end as size from c order by id;
select sum(case when v > 15 then 1 else 0 end) from c;
select case v when 10 then 'ten' end, count(*) from c group by 1 order by 1;
select id from c order by case when v is null then 0 else 1 end, id desc;
select case id when 1 then v else 0 end from c where case when id < 3 then true end order by id;
