-- SELECT without FROM, and empty lists.
select 1;
select 1, 'a', null;
select 1 where true;
select 1 where false;
select;
select count(*);
select 1 limit 0;
select 1 as a order by a;
select *;
select a;
select 1 group by 1;
select 1 having true;
select 1 having false;
