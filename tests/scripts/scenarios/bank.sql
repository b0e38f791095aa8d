-- Transfers between accounts, as an application does them.
create table accounts (id int primary key, owner text not null, balance numeric(12,2) not null default 0);
create table transfers (id int primary key, source int not null, target int not null, amount numeric(12,2) not null, at timestamptz not null default now());
create index transfers_source on transfers (source);
insert into accounts (id, owner, balance) values (1, 'ann', 100), (2, 'bob', 50.50), (3, 'cy', 0);
begin;
update accounts set balance = balance - 30 where id = 1 and balance >= 30;
update accounts set balance = balance + 30 where id = 3;
insert into transfers (id, source, target, amount) values (1, 1, 3, 30);
commit;
begin;
update accounts set balance = balance - 500 where id = 2 and balance >= 500;
rollback;
select id, owner, balance from accounts order by id;
select sum(balance) from accounts;
select s.owner as sender, t.owner as receiver, x.amount from transfers x join accounts s on s.id = x.source join accounts t on t.id = x.target;
select a.owner, coalesce(sum(x.amount), 0) as sent from accounts a left join transfers x on x.source = a.id group by a.owner order by a.owner;
insert into transfers (id, source, target, amount) values (1, 2, 1, 5);
select count(*) from transfers where source = 1;
