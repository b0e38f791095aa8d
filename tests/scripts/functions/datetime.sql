-- Date and time functions; what depends on the clock only by its type and order.
select pg_typeof(now()), pg_typeof(current_date), pg_typeof(current_timestamp), pg_typeof(localtimestamp), pg_typeof(clock_timestamp());
begin;
select now() = current_timestamp, now() = transaction_timestamp(), now() <= statement_timestamp(), statement_timestamp() <= clock_timestamp(), current_date = now()::date;
commit;
select date_trunc('day', timestamp '2024-05-06 07:08:09'), date_trunc('year', timestamp '2024-05-06'), date_trunc('minute', timestamp '2024-05-06 07:08:09');
select date_trunc('nonsense', timestamp '2024-05-06');
select extract(year from timestamp '2024-05-06'), extract(quarter from timestamp '2024-05-06'), extract(week from timestamp '2024-05-06'), extract(isodow from timestamp '2024-05-06'), extract(milliseconds from timestamp '2024-05-06 00:00:01.5');
select extract(nonsense from timestamp '2024-05-06');
select date_part('day', date '2024-05-06'), date_part('epoch', timestamp '1970-01-02');
select age(timestamp '2024-05-06', timestamp '2023-01-01'), make_date(2024, 2, 29), to_char(timestamp '2024-05-06 07:08:09', 'YYYY-MM-DD HH24:MI:SS');
select to_date('2024-05-06', 'YYYY-MM-DD'), to_timestamp(0) = 'epoch'::timestamptz;
