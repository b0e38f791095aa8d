-- A table without a primary key keeps every row.
create table t (a int, b text);
insert into t values (1, 'x'), (1, 'x'), (null, null);
insert into t values (1, 'x');
select a, b, count(*) from t group by a, b order by a;
update t set a = 2 where b = 'x';
select count(*) from t where a = 2;
create index t_a on t (a);
insert into t values (3, 'z');
select * from t where a = 3;
delete from t where a = 2;
select count(*) from t;
delete from t where a is null;
select * from t;
