-- A key of two columns: prefixes, ranges, both directions.
create table t (a int, b text, c int, primary key (a, b));
insert into t values (1, 'a', 1), (1, 'b', 2), (1, 'c', 3), (2, 'a', 4), (2, 'b', 5), (3, '', 6), (-1, 'z', 7);
insert into t values (1, 'a', 9);
insert into t values (null, 'a', 9);
select * from t where a = 1 and b = 'b';
select * from t where a = 1 order by b;
select * from t where a = 1 order by b desc;
select * from t where a = 1 and b > 'a' order by b;
select * from t where a > 1 order by a, b;
select * from t where a >= 1 and a < 3 and b = 'a' order by a;
select * from t where b = 'a' order by a;
select * from t order by a, b;
select * from t order by a desc, b desc;
select * from t order by a, b desc;
select * from t where (a, b) > (1, 'b') order by a, b;
update t set b = 'bb' where a = 1 and b = 'b';
delete from t where a = 2;
select * from t order by a, b;
