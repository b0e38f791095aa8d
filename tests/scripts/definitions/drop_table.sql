-- DROP TABLE.
create table a (id int primary key);
create table b (id int primary key);
insert into a values (1);
drop table a;
select * from a;
drop table a;
drop table if exists a;
drop table if exists a, b;
select * from b;
create table a (id int primary key, w text);
select * from a;
drop table a, nosuch;
select * from a;
drop table pg_class;
drop index a_pkey;
drop index a;
drop table a_pkey;
