-- smallint: bounds, overflow, division.
select 32767::int2, (-32768)::int2, '  12 '::int2, '-7'::smallint;
select 32768::int2;
select '32768'::int2;
select '1.5'::int2;
select ''::int2;
select 'x'::int2;
select 32767::int2 + 1::int2;
select (-32768)::int2 - 1::int2;
select 200::int2 * 200::int2;
select 7::int2 / 2::int2, (-7)::int2 / 2::int2, 7::int2 % 3::int2, (-7)::int2 % 3::int2;
select 1::int2 / 0::int2;
select -(-32768)::int2;
select 1::int2 + 1::int4, 1::int2 + 1::int8, 1::int2 = 1::int8;
select 1.5::int2, 2.5::int2, (-1.5)::int2, 0.5::float8::int2, 1.5::float8::int2;
select abs((-5)::int2), 5::int2 & 3::int2, 5::int2 | 3::int2, 5::int2 # 3::int2, ~5::int2;
