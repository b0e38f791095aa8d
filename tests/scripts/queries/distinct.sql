-- DISTINCT.
create table t (id int primary key, a int, b text);
insert into t values (1, 1, 'x'), (2, 1, 'x'), (3, 2, 'x'), (4, null, 'y'), (5, null, 'y'), (6, 2, null);
select distinct a from t order by a;
select distinct a, b from t order by a, b;
select distinct b from t order by b desc;
select distinct a + 1 as n from t order by n;
select distinct 1 from t;
select distinct count(*) from t group by a order by 1;
select count(distinct a), count(distinct b), count(a), sum(distinct a) from t;
select distinct * from t where id < 3 order by id;
select all a from t order by a, id;
select distinct a from t where a is not null order by a limit 1;
