-- uuid: input forms, output, order.
select 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid, 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'::uuid, '{a0eebc99-9c0b4ef8-bb6d6bb9-bd380a11}'::uuid, 'a0eebc999c0b4ef8bb6d6bb9bd380a11'::uuid;
select 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1'::uuid;
select 'g0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid;
select ''::uuid;
create table u (id uuid primary key, v int);
insert into u values ('22222222-2222-2222-2222-222222222222', 2), ('11111111-1111-1111-1111-111111111111', 1), ('ffffffff-ffff-ffff-ffff-ffffffffffff', 3), ('00000000-0000-0000-0000-000000000000', 0);
insert into u values ('22222222222222222222222222222222', 9);
select * from u order by id;
select v from u where id = '11111111-1111-1111-1111-111111111111';
select v from u where id > '11111111-1111-1111-1111-111111111111' order by id desc;
select count(*) from u where id::text like '%f';
select length(gen_random_uuid()::text), gen_random_uuid() = gen_random_uuid();
