-- SET LOCAL and SET in transactions that end either way.
set application_name = 'outside';
begin;
set local application_name = 'local';
show application_name;
commit;
show application_name;
begin;
set application_name = 'kept';
commit;
show application_name;
begin;
set application_name = 'undone';
rollback;
show application_name;
set local application_name = 'nowhere';
show application_name;
