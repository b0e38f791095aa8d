-- varchar(n): length in characters, truncation by cast, error by assignment.
select 'abcdef'::varchar(3), 'ab'::varchar(3), 'äöü'::varchar(2), 'abc   '::varchar(4);
create table v (id int primary key, a varchar(3), b varchar);
insert into v values (1, 'abc', 'anything at all');
insert into v values (2, 'abcd', 'x');
insert into v values (3, 'abc  ', 'trailing blanks go');
insert into v values (4, 'äöü', null);
insert into v values (5, 'äöüß', null);
update v set a = 'toolong' where id = 1;
select id, a, length(a), b from v order by id;
select * from v where a = 'abc' order by id;
select a || '!' from v order by id;
select 'x'::varchar(0);
create table w (a varchar(0));
create table w (a varchar(10485761));
