-- coalesce, nullif, greatest, least and NULL in operators.
select coalesce(null, 1), coalesce(null, null, 'x'), coalesce(1, 1 / 0), coalesce(null, null);
select coalesce(null, 1, 1.5), coalesce('1', 2);
select coalesce(1, 'x');
select coalesce();
select nullif(1, 1), nullif(1, 2), nullif(null, 1), nullif(1, null), nullif('a', 'b');
select greatest(1, 3, 2), least(1, 3, 2), greatest(1, null, 2), least(null, null), greatest('a', 'b'), greatest(1, 1.5);
select null || 'a', null + 1, null = null, null <> null, null > 1, not null;
select null isnull, 1 notnull, null::int is null;
select count(null), sum(null::int), max(null::int);
