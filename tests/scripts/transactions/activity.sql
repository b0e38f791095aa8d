-- pg_stat_activity has PostgreSQL's columns and says what this session does.
select * from pg_stat_activity limit 0;
set application_name = 'shown';
select datname, leader_pid, usename, application_name, client_addr, client_hostname,
  wait_event_type, wait_event, state, backend_xid, query_id, query, backend_type
from pg_stat_activity where pid = pg_backend_pid();
select backend_start < xact_start as begun, xact_start = now() as at_now, query_start >= xact_start as query,
  state_change >= query_start as changed
from pg_stat_activity where pid = pg_backend_pid();
begin;
select pg_backend_pid() > 0 as own;
select xact_start = now() as at_now, query_start > xact_start as later from pg_stat_activity
where pid = pg_backend_pid();
rollback;
begin;
create table t (i int);
select backend_xid is not null as has_xid from pg_stat_activity where pid = pg_backend_pid();
rollback;
begin;
set local application_name = 'for a while';
select application_name, backend_xid from pg_stat_activity where pid = pg_backend_pid();
rollback;
select application_name from pg_stat_activity where pid = pg_backend_pid();
select count(*) from pg_stat_activity
where pid = pg_backend_pid() and datid is not null and usesysid is not null and client_port = -1;
