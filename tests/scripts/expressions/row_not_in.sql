-- (a, b) [NOT] IN with NULLs on either side, in all combinations.
create table l (id int primary key, a int, b int);
insert into l values (1, 1, 1), (2, 1, 2), (3, 1, null), (4, null, 1), (5, null, null), (6, 2, 2), (7, 2, null), (8, null, 2);
create table none (x int, y int);
create table full_rows (x int, y int);
insert into full_rows values (1, 1), (3, 3);
create table null_right (x int, y int);
insert into null_right values (1, null), (3, 3);
create table null_left (x int, y int);
insert into null_left values (null, 1), (3, 3);
create table null_both (x int, y int);
insert into null_both values (null, null);
create table mixed (x int, y int);
insert into mixed values (1, 1), (2, null), (null, 2);
select id, (a, b) in (select x, y from none) i, (a, b) not in (select x, y from none) n from l order by id;
select id, (a, b) in (select x, y from full_rows) i, (a, b) not in (select x, y from full_rows) n from l order by id;
select id, (a, b) in (select x, y from null_right) i, (a, b) not in (select x, y from null_right) n from l order by id;
select id, (a, b) in (select x, y from null_left) i, (a, b) not in (select x, y from null_left) n from l order by id;
select id, (a, b) in (select x, y from null_both) i, (a, b) not in (select x, y from null_both) n from l order by id;
select id, (a, b) in (select x, y from mixed) i, (a, b) not in (select x, y from mixed) n from l order by id;
-- As conditions, where unknown is not true.
select id from l where (a, b) not in (select x, y from none) order by id;
select id from l where (a, b) not in (select x, y from full_rows) order by id;
select id from l where (a, b) not in (select x, y from null_right) order by id;
select id from l where (a, b) not in (select x, y from null_left) order by id;
select id from l where (a, b) not in (select x, y from null_both) order by id;
select id from l where (a, b) not in (select x, y from mixed) order by id;
select id from l where (a, b) in (select x, y from mixed) order by id;
select id from l where not (a, b) in (select x, y from full_rows) order by id;
select id from l where ((a, b) in (select x, y from mixed)) is null order by id;
select id from l where ((a, b) not in (select x, y from mixed)) is not true order by id;
-- Correlated, and with one column.
select id from l where (a, b) not in (select x, y from mixed where x >= l.a) order by id;
select id from l where (a, b) not in (select x, l.b from full_rows) order by id;
select id from l where a not in (select x from full_rows) order by id;
select id from l where a not in (select x from mixed) order by id;
select id from l where a not in (select y from mixed where y is not null) order by id;
select id, a <> all (select x from full_rows) f, a = any (select x from mixed) m from l order by id;
select (1, null) in (select 1, 2), (1, null) in (select 2, 2), (1, null) not in (select 2, 2), (null, null) in (select 1, 1 where false);
delete from l where (a, b) not in (select x, y from full_rows) returning id;
select id from l order by id;
-- Lists of rows.
select id, (a, b) in ((1, 1), (2, null)) i, (a, b) not in ((1, 1), (2, null)) n from l order by id;
-- A subquery on the left, over a join.
select l.id, f.x from l left join full_rows f on f.x = l.a where ((select max(id) from l k where k.a = f.x), l.b) not in (select x, y from mixed where x is not null) order by 1, 2;
select l.id, ((select min(k.b) from l k where k.a = l.a), l.b) in (select y, x from mixed) from l order by 1;
