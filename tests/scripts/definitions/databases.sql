-- Databases hold their own tables.
create table here (id int primary key);
create database "another one";
create database "another one";
\set old :DBNAME
\c "another one"
select current_database();
select * from here;
create table there (id int primary key);
\c :old
select * from there;
select * from here;
drop database "another one";
drop database "another one";
drop database if exists "another one";
begin;
create database intransaction;
rollback;
-- What CREATE and DROP DATABASE do not take.
create database nosuchdb owner postgres owner postgres;
create database nosuchdb template nosuch;
drop database nosuchdb with;
drop database nosuchdb with ();
create database nosuchdb foo = 1;
