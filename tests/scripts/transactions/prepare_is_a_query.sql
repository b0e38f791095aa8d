-- PREPARE and ANALYZE take the transaction's snapshot, as queries do
create table t (a int);
insert into t values (1);

begin isolation level serializable read only;
prepare p1 as select a from t;
set transaction deferrable;
rollback;

begin isolation level repeatable read;
prepare p2 as select a from t;
set transaction isolation level serializable;
rollback;

begin isolation level repeatable read;
prepare p3 as select a from t;
set transaction snapshot '00000003-00000001-1';
rollback;

begin read only;
prepare p4 as select a from t;
set transaction read write;
rollback;

-- what takes none leaves time
begin isolation level repeatable read;
show work_mem;
set work_mem = '8MB';
set transaction isolation level serializable;
select a from t;
commit;

-- statistics are no change that READ ONLY forbids
begin isolation level serializable read only;
select count(*) from t;
analyze t;
select count(*) from t;
show transaction_read_only;
insert into t values (2);
rollback;

begin read only;
analyze t;
commit;
