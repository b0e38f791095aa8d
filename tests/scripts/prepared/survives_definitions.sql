-- A prepared statement follows what definitions change around it.
create table t (id int primary key, a int);
insert into t select i, i % 5 from generate_series(1, 20) i;
prepare p (int) as select count(*) from t where a = $1;
execute p (3);
create index t_a on t (a);
execute p (3);
drop index t_a;
execute p (3);
truncate t;
execute p (3);
insert into t values (1, 3);
execute p (3);
begin;
insert into t values (2, 3);
execute p (3);
rollback;
execute p (3);
