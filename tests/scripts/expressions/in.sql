-- IN and NOT IN with lists.
select 1 in (1, 2), 3 in (1, 2), null in (1, 2), 3 in (1, null), 1 in (1, null), 3 not in (1, 2), 3 not in (1, null), 1 not in (1, null);
select 'a' in ('a', 'b'), 1.5 in (1, 1.5), 1 in ('1', '2'), date '2024-01-01' in ('2024-01-01');
select 1 in ();
select 1 in ('a');
select 1 in (true);
create table i (id int primary key, v text);
insert into i values (1, 'a'), (2, 'b'), (3, 'c'), (4, null), (5, 'e');
select * from i where id in (1, 3, 9) order by id;
select * from i where id in (5, 5, 1) order by id;
select * from i where id not in (1, 3) order by id;
select * from i where v in ('a', 'e') order by id;
select * from i where v not in ('a', 'e') order by id;
select * from i where v in ('a', null) order by id;
select * from i where v not in ('a', null) order by id;
select * from i where (id, v) in ((1, 'a'), (2, 'x')) order by id;
