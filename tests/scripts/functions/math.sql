-- Mathematical functions.
select abs(-5), abs(-1.5), sign(-3), ceil(1.2), ceiling(-1.2), floor(1.8), floor(-1.2), round(1.5), round(-1.5), trunc(1.9);
select round(1.2345, 2), trunc(1.2345, 2), round(15, -1), mod(7, 3), mod(-7, 3), div(7, 2);
select round(2.5::float8), round(3.5::float8), floor(2.5::float8), ceil(2.5::float8), trunc(-2.5::float8), abs(-2.5::float8);
select power(2, 10), power(2.0, 0.5), sqrt(16), sqrt(2), cbrt(8), exp(0), ln(1), log(100), log(2, 8);
select sqrt(-1);
select ln(0);
select power(0, -1);
select mod(1, 0);
select pi(), degrees(pi()), radians(180), sin(0), cos(0), tan(0), atan2(1, 1);
select gcd(12, 18), lcm(4, 6), factorial(5), width_bucket(5, 0, 10, 5);
select random() between 0 and 1;
select greatest(1, 2, 3), least(1, 2, 3);
