-- NOT NULL: the failing row is shown.
create table t (id int primary key, a int not null, b text not null default 'd', c varchar(5));
insert into t values (1, 1, 'x', 'y');
insert into t (id) values (2);
insert into t (a) values (2);
insert into t values (2, null, 'x', 'y');
insert into t values (2, 2, null, null);
insert into t values (null, 2);
update t set a = null;
update t set b = null where id = 1;
update t set a = null where id = 99;
insert into t select 3, null;
insert into t values (4, 4), (5, null);
select * from t;
create table wide (id int primary key, a text, b bool, c date, d numeric, e float8, f bytea, g int not null);
insert into wide values (1, 'a long text, with a comma', true, '2024-01-01', 1.50, 2.5, '\x01', null);
insert into wide values (2, repeat('x', 100), null, null, null, null, null, null);
