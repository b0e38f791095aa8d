-- Columns outside GROUP BY and aggregates where none may be.
create table t (id int primary key, a int, b int);
select a, b from t group by a;
select a, sum(b) from t;
select a from t group by a having b > 1;
select a from t group by a order by b;
select a + b from t group by a;
select sum(a) from t where sum(b) > 1;
select sum(sum(a)) from t;
select a from t group by sum(a);
select a from t limit sum(1);
select id, a, b from t group by id;
insert into t values (sum(1), 1, 1);
update t set a = max(b);
select * from t join t u on sum(t.a) = 1;
