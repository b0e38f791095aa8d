-- INSERT from a query.
create table a (id int primary key, v text);
create table b (id int primary key, v text);
insert into a select i, 'row ' || i from generate_series(1, 5) i;
insert into b select * from a;
insert into b select id + 10, v from a where id > 3;
insert into b (v, id) select v, id + 100 from a order by id limit 1;
select * from b order by id;
insert into b select * from a;
insert into b select id from a where id = 99;
insert into b select id + 1000 from a;
insert into b (id) select id + 2000, v from a;
insert into b select v, id from a;
insert into a select id + 5, v from a;
select count(*), max(id) from a;
insert into a (select 100, 'p');
insert into b select count(*) + 5000, max(v) from a;
select * from b where id > 1000 order by id;
