-- interval: input, output, arithmetic, comparison.
select interval '1 day', interval '1 month 2 days 03:04:05', interval '1 year', interval '-1 day', interval '1.5 days', interval '90 minutes';
select interval '1 day -2 hours', interval '1 week', interval '100 years', interval '0', interval '1 second 500 milliseconds', interval '1 day ago';
select '1 2:03:04'::interval, '02:03'::interval, 'P1Y2M3DT4H5M6S'::interval, '1-2'::interval;
select interval '1' day, interval '2' hour, interval '3' year;
select interval 'nonsense';
select interval '1 parsec';
select interval '1 day' + interval '2 hours', interval '1 day' - interval '25 hours', interval '1 day' * 2, interval '1 day' * 1.5, interval '1 month' / 2, - interval '1 day';
select interval '1 day' = interval '24 hours', interval '1 month' = interval '30 days', interval '1 month' > interval '29 days';
select extract(day from interval '3 days 4 hours'), extract(hour from interval '3 days 4 hours'), extract(epoch from interval '1 day');
select justify_days(interval '35 days'), justify_hours(interval '27 hours');
create table i (id int primary key, v interval);
insert into i values (1, '1 day'), (2, '23 hours'), (3, '25 hours'), (4, '-1 month'), (5, null);
select * from i order by v;
select sum(v), min(v), max(v) from i;
