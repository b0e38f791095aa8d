-- IN lists that begin with a subquery.
select 1 in ((select 1), 2), 1 in ((select 2), 1), 1 in ((select 5), 6), 1 not in ((select 1), 2), 1 in (2, (select 1)), null in ((select 1), 2);
select 1 in ((select 1)), 1 in (((select 1))), 1 in ((select 1) union (select 2)), 1 in ((1), 2), 1 in ((1 + 0) * 1, 3);
select 1 in ((select 1, 2), 2);
select 1 in ((select 1) union select 2, 3);
select x from generate_series(1, 4) x where x in ((select max(y) from generate_series(1, 3) y), 1) order by x;
select x from generate_series(1, 4) x where x not in ((select x), 1);
select not exists (select 1), exists (select 1 where false);
select trim('xax', 'x'), trim(leading 'x' from 'xax'), trim(trailing 'xa', 'a'), trim(both from '  a '), trim(from ' a ');
select 'a' = any (array['a', 'b']), (select 1) in (1, 2), (1, 2) in ((1, 2), (3, 4));
