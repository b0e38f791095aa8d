-- After an error only the end of the block is taken.
create table t (id int primary key);
insert into t values (1);
begin;
insert into t values (2);
insert into t values (1);
select * from t;
insert into t values (3);
syntax error;
begin;
commit;
select * from t;
begin;
insert into t values (4);
select 'x'::int;
set timezone = 'UTC';
rollback;
select * from t;
