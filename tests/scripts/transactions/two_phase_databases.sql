-- A prepared transaction belongs to its database.
create database two_phase_other;
\c two_phase_other
create table t (id int);
begin;
insert into t values (1);
prepare transaction 'two_phase_other: 1';
\c transactions_two_phase_databases
select gid, database from pg_prepared_xacts where gid like 'two_phase_other%';
commit prepared 'two_phase_other: 1';
rollback prepared 'two_phase_other: 1';
begin;
prepare transaction 'two_phase_other: 1';
drop database two_phase_other;
\c two_phase_other
begin;
prepare transaction 'two_phase_other: 2';
\c transactions_two_phase_databases
drop database two_phase_other;
\c two_phase_other
commit prepared 'two_phase_other: 1';
rollback prepared 'two_phase_other: 2';
select * from t;
\c transactions_two_phase_databases
drop database two_phase_other;
