-- Precedence and type resolution of arithmetic.
select 1 + 2 * 3 - 4 / 2, (1 + 2) * (3 - 4) / 2, 2 ^ 3 ^ 2, -2 ^ 2, 5 % 3 * 2;
select 1 + 1.5, 1 + 1.5::float8, 1::int2 + 1::int2, 1::int8 * 2::int2, 3 / 2.0, 3 / 2;
select '5' + 3, '5' * '6'::int, 10 / '2', '1.5' + 1.5;
select '5' + '3';
select 1 + 'x';
select 1 + true;
select 'a'::text + 1;
select +5, - -5, +(-5), @ -5;
select 5 - -5, 5 -(-5), 5+-5;
select pg_typeof(1), pg_typeof(1.5), pg_typeof(1 + 1.5), pg_typeof(1::int2 + 1), pg_typeof(1::int8 + 1), pg_typeof(1 / 2.0::float8), pg_typeof('a'), pg_typeof('a' || 'b'), pg_typeof(null), pg_typeof(now()), pg_typeof(date '2024-01-01' - date '2024-01-01');
