-- Two-phase commit in one session: what is prepared is unseen and locked until it is finished.
show max_prepared_transactions;
set max_prepared_transactions = 5;
create table t (id int primary key, v text unique);
create table heap (n int);
insert into t values (1, 'one');

begin;
insert into t values (2, 'two');
update t set v = 'eins' where id = 1;
insert into heap values (10), (20);
prepare transaction 'two_phase: first';
select * from t order by id;
select * from heap order by n;
select gid, owner, database, pg_typeof(transaction), pg_typeof(gid), pg_typeof(prepared), pg_typeof(owner), pg_typeof(database), prepared <= now() from pg_prepared_xacts where database = current_database();
-- Its locks stay.
set lock_timeout = '10ms';
select * from t where id = 1 for update nowait;
select * from t for update skip locked;
begin;
lock table heap in share mode nowait;
rollback;
truncate heap;
drop table t;
insert into heap values (30);
select * from t where id = 1;
reset lock_timeout;
commit prepared 'two_phase: first';
select * from t order by id;
select * from t where v = 'two';
select * from heap order by n;
update t set v = 'uno' where id = 1;
select gid from pg_prepared_xacts where database = current_database();
commit prepared 'two_phase: first';

begin;
delete from t;
insert into t values (9, 'nine');
prepare transaction 'two_phase: second';
select * from t order by id;
rollback prepared 'two_phase: second';
select * from t order by id;
delete from t where id = 2 returning *;
rollback prepared 'two_phase: second';

-- Identifiers.
begin;
prepare transaction 'two_phase: a';
begin;
insert into t values (100, 'hundred');
prepare transaction 'two_phase: a';
select * from t order by id;
commit;
commit prepared 'two_phase: a';
begin;
prepare transaction '';
commit prepared '';
begin;
prepare transaction e'it''s "two_phase"\n\u00e9';
select gid from pg_prepared_xacts where database = current_database();
rollback prepared U&'it''s "two_phase"\000A\00E9';
begin;
prepare transaction 'two_phase: 123456789 123456789 123456789 123456789 123456789 123456789 123456789 123456789 123456789 123456789 123456789 123456789 123456789 123456789 123456789 123456789 123456789 123456789 123456789';
begin;
prepare transaction 'two_phase: 123456789 123456789 123456789 123456789 123456789 123456789 123456789 123456789 123456789 123456789 123456789 123456789 123456789 123456789 123456789 123456789 123456789 123456789 12345678';
rollback prepared 'two_phase: 123456789 123456789 123456789 123456789 123456789 123456789 123456789 123456789 123456789 123456789 123456789 123456789 123456789 123456789 123456789 123456789 123456789 123456789 12345678';

-- Where it may stand.
prepare transaction 'two_phase: outside';
begin;
select 1/0;
select 1;
prepare transaction 'two_phase: failed';
select 2;
begin;
commit prepared 'two_phase: b';
rollback;
begin;
rollback prepared 'two_phase: b';
rollback;
begin;
savepoint s;
insert into t values (4, 'four');
rollback to s;
insert into t values (5, 'five');
savepoint r;
insert into t values (6, 'six');
release r;
prepare transaction 'two_phase: subtransactions';
commit prepared 'two_phase: subtransactions';
select * from t order by id;
begin \; insert into t values (7, 'seven') \; prepare transaction 'two_phase: together';
rollback prepared 'two_phase: together' \; select 1;
rollback prepared 'two_phase: together';
insert into t values (8, 'eight') \; prepare transaction 'two_phase: implicit';
select gid from pg_prepared_xacts where database = current_database();
select count(*) from t where id = 8;
commit prepared 'two_phase: implicit';
select count(*) from t where id = 8;
begin read only;
select count(*) from t;
prepare transaction 'two_phase: read only';
commit prepared 'two_phase: read only';

-- Settings are committed with PREPARE.
begin;
set local work_mem = '1MB';
set statement_timeout = '5s';
prepare transaction 'two_phase: settings';
show work_mem;
show statement_timeout;
rollback prepared 'two_phase: settings';
show statement_timeout;
reset statement_timeout;

-- What cannot be prepared.
begin;
listen two_phase;
prepare transaction 'two_phase: listen';
begin;
notify two_phase;
prepare transaction 'two_phase: notify';
begin;
unlisten two_phase;
prepare transaction 'two_phase: unlisten';
rollback prepared 'two_phase: unlisten';
select pg_advisory_lock(1);
begin;
select pg_advisory_xact_lock_shared(1);
prepare transaction 'two_phase: advisory';
begin;
select pg_advisory_xact_lock(2);
prepare transaction 'two_phase: advisory';
select pg_try_advisory_lock(2);
select pg_advisory_unlock(1);
select pg_advisory_unlock(2);
commit prepared 'two_phase: advisory';
select pg_try_advisory_lock(2);
select pg_advisory_unlock_all();

-- Definitions are rows too.
begin;
create table made (id int primary key, v int);
insert into made values (1, 10);
create index made_v on made (v);
drop table heap;
prepare transaction 'two_phase: definitions';
select * from made;
begin;
lock table heap in access share mode nowait;
rollback;
commit prepared 'two_phase: definitions';
select * from made where v = 10;
select * from heap;
begin;
create table gone (id int);
prepare transaction 'two_phase: gone';
rollback prepared 'two_phase: gone';
select * from gone;
create table gone (id int);

-- Serializable.
begin isolation level serializable;
select v from made where id = 1;
update made set v = 11 where id = 1;
prepare transaction 'two_phase: serializable';
begin isolation level serializable;
select v from made;
commit;
commit prepared 'two_phase: serializable';
select * from made;

-- Syntax.
prepare transaction x;
prepare transaction;
prepare transaction 'x' y;
prepare transaction repeat('x', 3);
prepare transaction 'x' as select 1;
prepare transaction as select 1;
prepare transaction(int) as select $1 + 1;
commit prepared;
commit prepared x;
rollback prepared;
rollback prepared x 'y';
abort prepared 'x';
end prepared 'x';
commit prepared 'two_phase: none';
rollback prepared 'two_phase: none';
