-- A failed statement leaves nothing of itself, and a rollback nothing of the block.
create table t (id int primary key, v int);
insert into t values (1, 1), (2, 2);
insert into t values (3, 3), (4, 4), (1, 1);
select * from t order by id;
update t set id = 2;
select * from t order by id;
update t set v = 10 / (id - 2);
select * from t order by id;
begin;
update t set v = 100;
delete from t where id = 1;
insert into t values (5, 5);
select * from t order by id;
rollback;
select * from t order by id;
