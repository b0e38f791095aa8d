-- FREEZE is taken where the table was made or emptied in the same transaction.
create table t (id int primary key, v text);
\copy t from '/dev/null' with (freeze)
begin;
truncate t;
copy t from stdin with (freeze);
1	one
2	two
\.
commit;
select * from t order by id;
begin;
create table u (id int primary key, v text);
copy u from stdin (freeze on);
3	c
1	a
2	b
\.
select * from u order by id;
commit;
select * from u where id = 2;
begin;
create table w (id int primary key);
copy w from stdin (freeze);
1
1
\.
rollback;
begin;
create table x (id int);
copy x from stdin (freeze);
5
5
\.
create index x_id on x (id);
alter table x add primary key (id);
rollback;
