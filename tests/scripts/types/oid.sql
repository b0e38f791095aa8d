-- oid, name and regclass.
select 1::oid, 4294967295::oid, '12'::oid, 1::oid < 2::oid;
select 4294967296::oid;
select (-1)::oid;
select 'x'::oid;
select 'abc'::name, length('abc'::name), 'abc'::name = 'abc'::text;
select 'a234567890123456789012345678901234567890123456789012345678901234567890'::name;
create table rel (id int primary key);
select 'rel'::regclass, 'public.rel'::regclass, 'rel'::regclass::text;
select 'rel'::regclass = 'public.rel'::regclass;
select 'nope'::regclass;
select 'pg_class'::regclass::oid, 'pg_class'::regclass, 1259::regclass;
select count(*) from pg_class where oid = 'rel'::regclass;
select relname, relkind from pg_class where oid = 'rel'::regclass;
