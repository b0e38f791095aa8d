-- Overflow and division by zero, in every place a value is computed.
create table t (id int primary key, a int, b int8, s int2);
insert into t values (1, 2147483647, 9223372036854775807, 32767);
select a + 1 from t;
select b + 1 from t;
select s + 1::int2 from t;
select a * a from t;
select a / (id - 1) from t;
select 1 where 1 / 0 = 1;
select 1 order by 1 / 0;
select 1 limit 1 / 0;
select sum(b) + b from t group by b;
update t set a = a + 1;
insert into t values (2, 2147483647 + 1, 0, 0);
insert into t values (2, 2147483648, 0, 0);
delete from t where 1 / (id - 1) = 1;
select case when id = 1 then 0 else 1 / 0 end from t;
select count(*) from t where a > 1e10;
select * from t;
