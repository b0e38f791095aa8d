-- int4[]: literals, constructor, output.
select '{1,2,3}'::int[], '{}'::int4[], '{1,NULL,3}'::int[], array[1,2,3], array[]::int[], array[1,null];
select '{1,2'::int[];
select '{1,x}'::int[];
select array[1,2] = array[1,2], array[1,2] < array[1,3], array[1] < array[1,2];
select 2 = any(array[1,2,3]), 5 = any(array[1,2,3]), 5 <> all(array[1,2,3]), 1 = any('{1,2}'), null = any(array[1]), 2 = any(array[1,null]);
create table a (id int primary key, v int[]);
insert into a values (1, '{3,4}'), (2, array[1,2]), (3, null), (4, '{}');
select * from a order by id;
select id from a where v = '{1,2}';
select id, (v)[1] from a order by id;
select array_length(v, 1) from a order by id;
select id from a where id = any('{1,3}') order by id;
select id from a where id = any(array[2,4]) order by id;
