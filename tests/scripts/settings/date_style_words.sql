-- Words a setting does not have, and levels that mean the same without standbys.
set datestyle = 'iso, nosuch';
set synchronous_commit = local;
show synchronous_commit;
set synchronous_commit = remote_apply;
show synchronous_commit;
set synchronous_commit = maybe;
set standard_conforming_strings = true;
show standard_conforming_strings;
set transaction_isolation = 'nonsense';
reset all;
