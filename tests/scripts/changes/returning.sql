-- RETURNING.
create table t (id int primary key, a int default 5, b text);
insert into t (id, b) values (1, 'x') returning *;
insert into t (id, b) values (2, 'y'), (3, 'z') returning id, a + 1 as next, upper(b);
insert into t select 4, 4, 'w' returning id;
update t set a = a + 1 where id <= 2 returning *;
update t set a = 0 where id = 99 returning *;
delete from t where id = 3 returning *;
delete from t where id = 3 returning id;
delete from t where id < 2 returning id, a * 2 as double, case when b is null then 'null' else b end;
delete from t where id = 2 returning id, a * 2 as double, case when b is null then 'null' else b end;
delete from t returning id, a * 2 as double, case when b is null then 'null' else b end;
insert into t values (5, 5, 'v') returning nosuch;
insert into t values (6, 6, 'u') returning t.id, t.*;
insert into t values (7, 7, 't') returning count(*);
update t x set b = 'changed' returning x.b, id;
select * from t order by id;
