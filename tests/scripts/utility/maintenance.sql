-- VACUUM and ANALYZE.
create table t (id int primary key, v int);
insert into t select i, i from generate_series(1, 100) i;
delete from t where id > 50;
vacuum t;
vacuum;
analyze t;
analyze;
vacuum analyze t;
vacuum (analyze) t;
vacuum nosuch;
analyze nosuch;
begin;
vacuum t;
rollback;
begin;
analyze t;
commit;
select count(*) from t;
