-- pg_locks has PostgreSQL's columns and says the same of tables and advisory keys.
create table t (a int primary key);
insert into t values (1);
select * from pg_locks limit 0;
begin;
lock table t in share mode;
select locktype, relation::regclass, mode, granted, fastpath, pid = pg_backend_pid() as own
from pg_locks where relation = 't'::regclass;
rollback;
begin;
select pg_advisory_lock(8589934595);
select pg_advisory_lock_shared(1, 2);
select pg_advisory_xact_lock(-1);
select pg_advisory_xact_lock_shared(-1, -2);
select locktype, classid, objid, objsubid, mode, granted from pg_locks
where locktype = 'advisory' and pid = pg_backend_pid() order by classid, objid, objsubid;
commit;
select classid, objid, objsubid, mode from pg_locks
where locktype = 'advisory' and pid = pg_backend_pid() order by classid;
select pg_advisory_unlock_all();
begin;
update t set a = 2;
select locktype, mode, granted from pg_locks
where pid = pg_backend_pid() and locktype in ('transactionid', 'virtualxid') order by 1;
select mode from pg_locks where relation = 't'::regclass;
rollback;
