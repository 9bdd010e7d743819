//! The commands that look at the migration files, and those that write them.

use expect_test::expect;

use super::support::project::{Migration, Project};
use super::support::server::Server;
use super::support::transcript::{run, transcript};

fn project() -> Project {
    Project::with("aaaa11<- bbbb22<aaaa11")
        .migration(
            &Migration::new("cccc33")
                .after("aaaa11")
                .message("Build an index")
                .header("branch_labels: search")
                .options("autocommit")
                .upgrade("create index concurrently i on t_aaaa11 (id);"),
        )
        .migration(
            &Migration::new("dddd44")
                .after("bbbb22")
                .header("depends_on: cccc33"),
        )
}

#[test]
fn history_is_listed_newest_first() {
    let lines = [
        "history",
        "history -r aaaa11:bbbb22",
        "history -r bbbb22:",
        "history -r :bbbb22",
        "history -r dddd44:aaaa11",
        "history -r x",
        "heads",
        "branches",
        "heads -v",
    ];
    let said = transcript(&project(), None, &lines);
    expect![[r#"
        $ castoff history
        status 0
        --- stdout
        bbbb22 -> dddd44 (head), Make dddd44
        aaaa11 -> cccc33 (head), Build an index
        aaaa11 -> bbbb22, Make bbbb22
        <base> -> aaaa11 (branchpoint), Make aaaa11

        $ castoff history -r aaaa11:bbbb22
        status 0
        --- stdout
        aaaa11 -> bbbb22, Make bbbb22
        <base> -> aaaa11 (branchpoint), Make aaaa11

        $ castoff history -r bbbb22:
        status 0
        --- stdout
        bbbb22 -> dddd44 (head), Make dddd44
        aaaa11 -> bbbb22, Make bbbb22

        $ castoff history -r :bbbb22
        status 0
        --- stdout
        aaaa11 -> bbbb22, Make bbbb22
        <base> -> aaaa11 (branchpoint), Make aaaa11

        $ castoff history -r dddd44:aaaa11
        status 14
        --- stderr
        error[not-above]: `aaaa11` does not stand on `dddd44`
          help: see `castoff history` for the order

        $ castoff history -r x
        status 2
        --- stderr
        error[invalid-target]: `x` is not a range
          help: write a range as `3f2a:head`, `3f2a:`, `:3f2a` or `-3:current`

        $ castoff heads
        status 0
        --- stdout
        cccc33 (head)
        dddd44 (head)

        $ castoff branches
        status 0
        --- stdout
        <base> -> aaaa11 (branchpoint), Make aaaa11

        $ castoff heads -v
        status 0
        --- stdout
        Revision:    cccc33 (head)
        Message:     Build an index
        Parent:      aaaa11
        Branch:      search
        Path:        migrations/202601010003_cccc33_build_an_index.sql
        Upgrade:     1 statement, one by one
        Downgrade:   0 statements in one transaction
        Checksum:    3c19ef0dc395fdcbf5530c4d7cbd9e2be47b51e3496fee7e3bcc46b4116a708f

        Revision:    dddd44 (head)
        Message:     Make dddd44
        Parent:      bbbb22
        Depends on:  cccc33
        Path:        migrations/202601010004_dddd44_make_dddd44.sql
        Upgrade:     0 statements in one transaction
        Downgrade:   0 statements in one transaction
        Checksum:    6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d

    "#]]
    .assert_eq(&said);
}

#[test]
fn history_marks_where_the_database_is() {
    let database = Server::shared().database();
    let project = project();
    run(&project, Some(&database), "upgrade bbbb22").status(0);
    let lines = [
        "history -i",
        "history -r current:",
        "history -r -1:current",
        "history -v -i",
    ];
    let said = transcript(&project, Some(&database), &lines);
    expect![[r#"
        $ castoff history -i
        status 0
        --- stdout
        bbbb22 -> dddd44 (head), Make dddd44
        aaaa11 -> cccc33 (head), Build an index
        aaaa11 -> bbbb22 (current), Make bbbb22
        <base> -> aaaa11 (branchpoint), Make aaaa11

        $ castoff history -r current:
        status 0
        --- stdout
        bbbb22 -> dddd44 (head), Make dddd44
        aaaa11 -> bbbb22 (current), Make bbbb22

        $ castoff history -r -1:current
        status 0
        --- stdout
        aaaa11 -> bbbb22 (current), Make bbbb22
        <base> -> aaaa11 (branchpoint), Make aaaa11

        $ castoff history -v -i
        status 0
        --- stdout
        Revision:    dddd44 (head)
        Message:     Make dddd44
        Parent:      bbbb22
        Depends on:  cccc33
        Path:        migrations/202601010004_dddd44_make_dddd44.sql
        Upgrade:     0 statements in one transaction
        Downgrade:   0 statements in one transaction
        Checksum:    6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d
        Ledger:      not applied

        Revision:    cccc33 (head)
        Message:     Build an index
        Parent:      aaaa11
        Branch:      search
        Path:        migrations/202601010003_cccc33_build_an_index.sql
        Upgrade:     1 statement, one by one
        Downgrade:   0 statements in one transaction
        Checksum:    3c19ef0dc395fdcbf5530c4d7cbd9e2be47b51e3496fee7e3bcc46b4116a708f
        Ledger:      not applied

        Revision:    bbbb22 (current)
        Message:     Make bbbb22
        Parent:      aaaa11
        Children:    dddd44
        Path:        migrations/202601010002_bbbb22_make_bbbb22.sql
        Upgrade:     1 statement in one transaction
        Downgrade:   1 statement in one transaction
        Checksum:    a7fc9358670d2c00b1fe2bfdf47a63a8eb3e000392c6194dc1e0b01ea4b2173d
        Ledger:      as recorded

        Revision:    aaaa11 (branchpoint)
        Message:     Make aaaa11
        Parent:      <base>
        Children:    bbbb22, cccc33
        Path:        migrations/202601010001_aaaa11_make_aaaa11.sql
        Upgrade:     1 statement in one transaction
        Downgrade:   1 statement in one transaction
        Checksum:    d15c2a5ab3bc321a189aacc2acbe9d5634ef858cfb7d205623d5b6258bf19c26
        Ledger:      as recorded

    "#]]
    .assert_eq(&said);
}

#[test]
fn one_revision_is_shown_with_its_file() {
    let lines = [
        "show cccc",
        "show search",
        "show head",
        "show nope",
        "show base",
    ];
    let said = transcript(&project(), None, &lines);
    expect![[r#"
        $ castoff show cccc
        status 0
        --- stdout
        Revision:    cccc33 (head)
        Message:     Build an index
        Parent:      aaaa11
        Branch:      search
        Path:        migrations/202601010003_cccc33_build_an_index.sql
        Upgrade:     1 statement, one by one
        Downgrade:   0 statements in one transaction
        Checksum:    3c19ef0dc395fdcbf5530c4d7cbd9e2be47b51e3496fee7e3bcc46b4116a708f

        -- Build an index
        -- revision: cccc33
        -- down_revision: aaaa11
        -- branch_labels: search

        -- upgrade autocommit
        create index concurrently i on t_aaaa11 (id);

        -- downgrade

        $ castoff show search
        status 0
        --- stdout
        Revision:    cccc33 (head)
        Message:     Build an index
        Parent:      aaaa11
        Branch:      search
        Path:        migrations/202601010003_cccc33_build_an_index.sql
        Upgrade:     1 statement, one by one
        Downgrade:   0 statements in one transaction
        Checksum:    3c19ef0dc395fdcbf5530c4d7cbd9e2be47b51e3496fee7e3bcc46b4116a708f

        -- Build an index
        -- revision: cccc33
        -- down_revision: aaaa11
        -- branch_labels: search

        -- upgrade autocommit
        create index concurrently i on t_aaaa11 (id);

        -- downgrade

        $ castoff show head
        status 14
        --- stderr
        error[several-heads]: `head` means several revisions: `cccc33`, `dddd44`
          help: make one head with `castoff merge` or `castoff rebase`, name one of them, or say `heads`

        $ castoff show nope
        status 14
        --- stderr
        error[no-such-revision]: no revision or branch label is called `nope`
          help: see `castoff history` for the ids

        $ castoff show base
        status 14
        --- stderr
        error[no-such-revision]: no revision or branch label is called `base`
          help: see `castoff history` for the ids

    "#]]
    .assert_eq(&said);
}

#[test]
fn a_revision_is_written_on_the_head() {
    let project = Project::with("aaaa11<-");
    let today = |text: &str| {
        // The file's name starts with the time.
        let mut words = text.split("migrations/2").collect::<Vec<_>>().into_iter();
        let first = words.next().unwrap_or_default().to_owned();
        words.fold(first, |text, word| match word.split_at_checked(11) {
            Some((digits, rest)) if digits.bytes().all(|b| b.is_ascii_digit()) => {
                text + "migrations/[today]" + rest
            }
            _ => text + "migrations/2" + word,
        })
    };
    let lines = [
        "revision -m 'Add a table' --rev-id bbbb22",
        "show bbbb22",
        "revision -m Again --rev-id bbbb22",
        "revision -m Other --head aaaa11 --rev-id cccc33",
        "revision -m Other --head aaaa11 --rev-id cccc33 --splice --branch-label other",
        "revision -m Third --rev-id dddd44",
        "revision -m Third --head other@head --rev-id dddd44 --depends-on bbbb",
        "revision -m 'Start a second tree' --head base --rev-id eeee55",
        "revision -m Label --head bbbb22 --branch-label other --rev-id ffff66",
        "revision -m Id --head bbbb22 --rev-id 'no/good'",
        "revision -m 'upgrade: écran & \"quotes\"/../x' --head bbbb22 --rev-id ffff66",
        "history",
        "show dddd44",
        "revision",
    ];
    let said = transcript(&project, None, &lines);
    expect![[r#"
        $ castoff revision -m 'Add a table' --rev-id bbbb22
        status 0
        --- stdout
        migrations/[today]_bbbb22_add_a_table.sql
        --- stderr
        castoff: wrote revision bbbb22

        $ castoff show bbbb22
        status 0
        --- stdout
        Revision:    bbbb22 (head)
        Message:     Add a table
        Parent:      aaaa11
        Path:        migrations/[today]_bbbb22_add_a_table.sql
        Upgrade:     0 statements in one transaction
        Downgrade:   0 statements in one transaction
        Checksum:    6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d

        -- Add a table
        -- revision: bbbb22
        -- down_revision: aaaa11

        -- upgrade

        -- downgrade

        $ castoff revision -m Again --rev-id bbbb22
        status 2
        --- stderr
        error[exists]: `migrations/[today]_bbbb22_add_a_table.sql` is there already
          help: choose another name, or remove it

        $ castoff revision -m Other --head aaaa11 --rev-id cccc33
        status 2
        --- stderr
        error[not-a-head]: revision aaaa11 is not a head: bbbb22 follows it already
          help: name a head, as `castoff heads` shows them, or start a branch with `castoff revision --splice`

        $ castoff revision -m Other --head aaaa11 --rev-id cccc33 --splice --branch-label other
        status 0
        --- stdout
        migrations/[today]_cccc33_other.sql
        --- stderr
        castoff: wrote revision cccc33

        $ castoff revision -m Third --rev-id dddd44
        status 14
        --- stderr
        error[several-heads]: `head` means several revisions: `bbbb22`, `cccc33`
          help: make one head with `castoff merge` or `castoff rebase`, name one of them, or say `heads`

        $ castoff revision -m Third --head other@head --rev-id dddd44 --depends-on bbbb
        status 0
        --- stdout
        migrations/[today]_dddd44_third.sql
        --- stderr
        castoff: wrote revision dddd44

        $ castoff revision -m 'Start a second tree' --head base --rev-id eeee55
        status 0
        --- stdout
        migrations/[today]_eeee55_start_a_second_tree.sql
        --- stderr
        castoff: wrote revision eeee55

        $ castoff revision -m Label --head bbbb22 --branch-label other --rev-id ffff66
        status 14
        --- stderr
        error[duplicate-label]: branch label `other` is given by both `cccc33` and `ffff66`
          --> migrations/[today]_ffff66_label.sql:4
           4 | -- branch_labels: other
          help: choose another name for `branch_labels` in `migrations/[today]_ffff66_label.sql`

        $ castoff revision -m Id --head bbbb22 --rev-id 'no/good'
        status 2
        --- stderr
        error[invalid-revision-id]: `no/good` is not a revision id (1 to 32 of a-z, 0-9, _)
          help: choose an id of 1 to 32 characters, or leave --rev-id out

        $ castoff revision -m 'upgrade: écran & "quotes"/../x' --head bbbb22 --rev-id ffff66
        status 0
        --- stdout
        migrations/[today]_ffff66_upgrade_cran_quotes_x.sql
        --- stderr
        castoff: wrote revision ffff66

        $ castoff history
        status 0
        --- stdout
        bbbb22 -> ffff66 (head), upgrade: écran & "quotes"/../x
        <base> -> eeee55 (head), Start a second tree
        cccc33 -> dddd44 (head), Third
        aaaa11 -> cccc33, Other
        aaaa11 -> bbbb22, Add a table
        <base> -> aaaa11 (branchpoint), Make aaaa11

        $ castoff show dddd44
        status 0
        --- stdout
        Revision:    dddd44 (head)
        Message:     Third
        Parent:      cccc33
        Depends on:  bbbb22
        Branch:      other
        Path:        migrations/[today]_dddd44_third.sql
        Upgrade:     0 statements in one transaction
        Downgrade:   0 statements in one transaction
        Checksum:    6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d

        -- Third
        -- revision: dddd44
        -- down_revision: cccc33
        -- depends_on: bbbb22

        -- upgrade

        -- downgrade

        $ castoff revision
        status 2
        --- stderr
        error: the following required arguments were not provided:
          --message <MESSAGE>

        Usage: castoff revision --message <MESSAGE>

        For more information, try '--help'.

    "#]]
    .assert_eq(&today(&said));
    let random = run(&project, None, "revision -m Random --head ffff66");
    random.status(0);
    let name = random.stdout.trim();
    assert!(project.path(name).is_file(), "{name}");
    let id = name.split('_').nth(1).unwrap();
    assert!(
        id.len() == 12 && id.bytes().all(|b| b.is_ascii_hexdigit()),
        "{name}"
    );
}

#[test]
fn a_new_revision_is_applied_as_it_is() {
    let database = Server::shared().database();
    let project = Project::with("aaaa11<-");
    run(&project, None, "revision -m Nothing").status(0);
    run(&project, Some(&database), "upgrade").status(0);
    run(&project, Some(&database), "downgrade base").status(0);
}
