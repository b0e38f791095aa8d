-- psql's \copy in both directions, through a file of the client.
create table a (id int primary key, v text);
create table b (id int primary key, v text);
insert into a select i, case when i % 3 = 0 then null else 'row ' || i end from generate_series(1, 1000) i;
\copy a to '/tmp/reckon-roundtrip.txt'
\copy b from '/tmp/reckon-roundtrip.txt'
select count(*), count(v), sum(id) from b;
\copy (select id, v from a where id < 4 order by id) to stdout csv
truncate b;
\copy a to '/tmp/reckon-roundtrip.txt' csv header
\copy b from '/tmp/reckon-roundtrip.txt' csv header
select count(*), count(v), sum(id) from b;
\! rm -f /tmp/reckon-roundtrip.txt
