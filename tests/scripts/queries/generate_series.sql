-- generate_series in FROM and in the select list.
select * from generate_series(1, 5);
select * from generate_series(5, 1);
select * from generate_series(5, 1, -2);
select * from generate_series(1, 10, 3) as g;
select g, g * g from generate_series(1, 3) as g;
select g.n from generate_series(1, 3) as g (n) order by n desc;
select generate_series(1, 3);
select count(*), sum(i) from generate_series(1, 100000) i;
select * from generate_series(1, 0);
select * from generate_series(1, 3, 0);
select * from generate_series(1, null);
select * from generate_series(1.0, 2.0, 0.5);
select * from generate_series(9223372036854775806, 9223372036854775807);
select pg_typeof(i) from generate_series(1::int8, 1) i;
select * from generate_series('2024-01-01'::timestamp, '2024-01-02', '12 hours');
select a, b from generate_series(1, 2) a, generate_series(1, 2) b order by 1, 2;
select generate_series from generate_series(1, 2);
select * from generate_series('a', 'b');
