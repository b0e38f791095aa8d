-- bigint: literals, bounds, overflow.
select 9223372036854775807, -9223372036854775808, '9223372036854775807'::int8;
select 9223372036854775808;
select 9223372036854775808::int8;
select '9223372036854775808'::int8;
select 9223372036854775807 + 1;
select (-9223372036854775808)::int8 - 1;
select 4294967296 * 4294967296;
select (-9223372036854775808)::int8 / (-1);
select 2147483648 + 1, 2147483647::int8 + 1;
select 7::int8 / 2, 7::int8 % 4, 7::int8 / 0;
select 1::int8 << 40, 5::int8 & 4::int8, ~0::int8;
select 9223372036854775807::int4;
select 1e18::int8, 1.5::int8, 2.5::int8, 9.9e18::int8;
select 1e19::float8::int8;
select int8 '5' + int4 '5' + int2 '5';
