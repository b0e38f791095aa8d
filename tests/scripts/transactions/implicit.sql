-- Several statements in one message are one transaction.
create table t (id int primary key);
insert into t values (1)\; insert into t values (2)\; select count(*) from t;
insert into t values (3)\; insert into t values (1)\; insert into t values (4);
select id from t order by id;
begin\; insert into t values (5)\; commit\; insert into t values (1);
select id from t order by id;
insert into t values (6)\; rollback;
select id from t order by id;
insert into t values (7)\; commit\; insert into t values (8);
select id from t order by id;
select 1\; select 2\; select 3;
select 1\; select nosuch\; select 3;
select 1\; bad syntax here\; select 3;
