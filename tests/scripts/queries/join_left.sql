-- Left joins and their conditions.
create table p (id int primary key, v text);
create table q (id int primary key, p_id int, w int);
insert into p values (1, 'a'), (2, 'b'), (3, 'c');
insert into q values (1, 1, 10), (2, 1, 20), (3, 3, null), (4, null, 40);
select * from p left join q on q.p_id = p.id order by p.id, q.id;
select * from p left outer join q on q.p_id = p.id and q.w > 15 order by p.id, q.id;
select * from p left join q on q.p_id = p.id where q.w > 15 order by p.id;
select p.* from p left join q on q.p_id = p.id where q.id is null;
select p.id, count(q.id), count(*), sum(w) from p left join q on q.p_id = p.id group by p.id order by p.id;
select * from p left join q on false order by p.id;
select * from p left join q on p.v = 'b' order by p.id, q.id;
select p.id, a.id, b.id from p left join q a on a.p_id = p.id left join q b on b.id = a.id + 1 order by 1, 2, 3;
select p.id, a.id from p left join (q a join q b on a.id = b.id) on a.p_id = p.id order by 1, 2;
select coalesce(q.w, -1) from p left join q on q.p_id = p.id order by 1;
select * from p left join q using (id) order by id;
select * from p left join q;
