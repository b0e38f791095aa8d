-- Column defaults, evaluated for each row.
create table t (id int primary key, a int default 1 + 1, b text default 'none', c date default current_date, d numeric(5,2) default 1.005, e bool default true, f varchar(3));
insert into t (id) values (1), (2);
insert into t values (3, default, default, default, default, default, default);
insert into t values (4);
insert into t (id, a) values (5, null);
select id, a, b, c is not null as c, d, e, f from t order by id;
update t set a = default, b = default where id = 5;
select id, a, b from t where id = 5;
create table u (a int default 1, b int default 2);
insert into u default values;
insert into u (b) values (default);
select * from u;
create table w (a varchar(2) default 'abc');
insert into w default values;
create table x (a int default 1.6, b int default '7');
insert into x default values;
select * from x;
