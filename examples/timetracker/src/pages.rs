//! The pages as HTML. Pure: rows come in, text goes out, and all text from outside is escaped.

use std::fmt::{self, Display, Formatter};

use crate::store::{Entry, Note, Project, ProjectHours, Task};
use crate::text::{Escaped, Hours};

/// The list of projects.
pub(crate) fn home(hours: &[ProjectHours]) -> impl Display {
    layout("Projects", move |out| {
        if hours.is_empty() {
            writeln!(out, "<p>There are no projects yet.</p>")?;
        }
        for of_project in hours.chunk_by(|a, b| a.id == b.id) {
            project_hours(out, of_project)?;
        }
        Ok(())
    })
}

/// One project with all there is to know about it, and the form.
pub(crate) fn project(project: &Project) -> impl Display {
    layout(&project.name, move |out| {
        write!(out, "<p>{}", Escaped(&project.company))?;
        if let Some(team) = &project.team {
            write!(out, ", team {}", Escaped(team))?;
        }
        if let Some(rate) = &project.hourly_rate {
            write!(out, ", {} an hour", Escaped(rate))?;
        }
        writeln!(out, "</p>")?;
        tasks(out, &project.tasks)?;
        entries(out, &project.entries)?;
        entry_form(out, project)?;
        notes(out, &project.notes)
    })
}

/// A page that says what is wrong.
pub(crate) fn problem(title: &str, message: &str) -> impl Display {
    layout(title, move |out| {
        writeln!(out, "<p>{}</p>", Escaped(message))
    })
}

fn layout(title: &str, content: impl Fn(&mut Formatter<'_>) -> fmt::Result) -> impl Display {
    fmt::from_fn(move |out| {
        let title = Escaped(title);
        write!(
            out,
            r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title} · Time tracker</title>
<link rel="stylesheet" href="/style.css">
</head>
<body>
<header><nav aria-label="Main"><a href="/">Time tracker</a></nav></header>
<main>
<h1>{title}</h1>
"#
        )?;
        content(out)?;
        writeln!(out, "</main>\n</body>\n</html>")
    })
}

fn project_hours(out: &mut Formatter<'_>, rows: &[ProjectHours]) -> fmt::Result {
    let Some(first) = rows.first() else {
        return Ok(());
    };
    let total = rows.iter().map(|row| row.minutes).sum();
    writeln!(
        out,
        r#"<section aria-labelledby="project-{id}">
<h2 id="project-{id}"><a href="/projects/{id}">{project}</a> <small>{company}</small></h2>
<table>
<thead><tr><th scope="col">Person</th><th scope="col" class="number">Hours</th></tr></thead>
<tbody>"#,
        id = first.id,
        project = Escaped(&first.project),
        company = Escaped(&first.company),
    )?;
    for row in rows {
        if let Some(person) = &row.person {
            writeln!(
                out,
                r#"<tr><td>{}</td><td class="number">{}</td></tr>"#,
                Escaped(person),
                Hours(row.minutes)
            )?;
        }
    }
    writeln!(
        out,
        r#"</tbody>
<tfoot><tr><th scope="row">Together</th><td class="number">{}</td></tr></tfoot>
</table>
</section>"#,
        Hours(total)
    )
}

fn tasks(out: &mut Formatter<'_>, tasks: &[Task]) -> fmt::Result {
    writeln!(
        out,
        r#"<h2 id="tasks">Tasks</h2>
<table>
<thead><tr><th scope="col">Task</th><th scope="col">Status</th><th scope="col">Assigned to</th><th scope="col" class="number">Hours</th></tr></thead>
<tbody>"#
    )?;
    for task in tasks {
        write!(
            out,
            "<tr><td>{}</td><td>{}",
            Escaped(&task.title),
            Escaped(&task.status)
        )?;
        if let Some(reason) = &task.blocked_reason {
            write!(out, ": {}", Escaped(reason))?;
        }
        writeln!(
            out,
            r#"</td><td>{}</td><td class="number">{}</td></tr>"#,
            Escaped(task.assignee.as_deref().unwrap_or("nobody")),
            Hours(task.minutes)
        )?;
    }
    writeln!(out, "</tbody>\n</table>")
}

fn entries(out: &mut Formatter<'_>, entries: &[Entry]) -> fmt::Result {
    writeln!(
        out,
        r#"<h2 id="entries">Time entries</h2>
<table>
<thead><tr><th scope="col">Start (UTC)</th><th scope="col">Person</th><th scope="col">Task</th><th scope="col" class="number">Hours</th><th scope="col">Billable</th><th scope="col">Remark</th></tr></thead>
<tbody>"#
    )?;
    for entry in entries {
        writeln!(
            out,
            r#"<tr><td>{}</td><td>{}</td><td>{}</td><td class="number">{}</td><td>{}</td><td>{}</td></tr>"#,
            Escaped(&entry.started),
            Escaped(&entry.person),
            Escaped(&entry.task),
            Hours(entry.minutes),
            if entry.billable { "yes" } else { "no" },
            Escaped(&entry.remark)
        )?;
    }
    writeln!(out, "</tbody>\n</table>")
}

fn entry_form(out: &mut Formatter<'_>, project: &Project) -> fmt::Result {
    if project.tasks.is_empty() || project.people.is_empty() {
        return writeln!(
            out,
            "<p>Time can be added once there is a task and a person.</p>"
        );
    }
    writeln!(
        out,
        r#"<h2 id="add">Add time</h2>
<form method="post" action="/projects/{}/entries">
<label>Task <select name="task" required>"#,
        project.id
    )?;
    for task in &project.tasks {
        writeln!(
            out,
            r#"<option value="{}">{}</option>"#,
            task.id,
            Escaped(&task.title)
        )?;
    }
    writeln!(
        out,
        r#"</select></label>
<label>Person <select name="person" required>"#
    )?;
    for person in &project.people {
        writeln!(
            out,
            r#"<option value="{}">{}</option>"#,
            person.id,
            Escaped(&person.name)
        )?;
    }
    writeln!(
        out,
        r#"</select></label>
<label>Start (UTC) <input type="datetime-local" name="started" required></label>
<label>Minutes <input type="number" name="minutes" min="1" max="1440" value="60" required></label>
<label>Remark <input type="text" name="remark" maxlength="500"></label>
<label class="check"><input type="checkbox" name="billable" checked> Billable</label>
<button>Add</button>
</form>"#
    )
}

fn notes(out: &mut Formatter<'_>, notes: &[Note]) -> fmt::Result {
    writeln!(out, r#"<h2 id="notes">Notes</h2>"#)?;
    if notes.is_empty() {
        writeln!(out, "<p>There are no notes.</p>")?;
    }
    for note in notes {
        writeln!(
            out,
            "<blockquote><p>{}</p><footer>{}</footer></blockquote>",
            Escaped(&note.body),
            Escaped(note.author.as_deref().unwrap_or("somebody who has left"))
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{home, problem, project};
    use crate::store::{Entry, Note, Person, Project, ProjectHours, Task};

    /// What an attacker would call everything.
    const EVIL: &str = "\"><script>'&";

    fn has(page: &str, expected: &str) {
        assert!(page.contains(expected), "`{expected}` is not in:\n{page}");
    }

    fn hours(id: i64, person: Option<&str>, minutes: i64) -> ProjectHours {
        ProjectHours {
            id,
            project: format!("Project {id}"),
            company: "Demo".into(),
            person: person.map(Into::into),
            minutes,
        }
    }

    #[test]
    fn projects_are_listed_with_their_sums() {
        let page = home(&[
            hours(1, Some("Ada"), 65),
            hours(1, Some("Grace"), 30),
            hours(2, None, 0),
        ])
        .to_string();
        assert_eq!(page.matches("<section").count(), 2);
        has(
            &page,
            r#"<tr><td>Ada</td><td class="number">1:05</td></tr>"#,
        );
        has(
            &page,
            r#"<th scope="row">Together</th><td class="number">1:35</td>"#,
        );
        has(
            &page,
            r#"<th scope="row">Together</th><td class="number">0:00</td>"#,
        );
        has(&page, r#"<a href="/projects/2">Project 2</a>"#);
        has(&home(&[]).to_string(), "no projects yet");
    }

    #[test]
    fn no_text_from_outside_reaches_a_page_unescaped() {
        let evil = || EVIL.to_owned();
        let shown = project(&Project {
            id: 1,
            name: evil(),
            company: evil(),
            team: Some(evil()),
            hourly_rate: Some(evil()),
            tasks: vec![Task {
                id: 2,
                title: evil(),
                status: evil(),
                blocked_reason: Some(evil()),
                assignee: Some(evil()),
                minutes: 1,
            }],
            entries: vec![Entry {
                started: evil(),
                person: evil(),
                task: evil(),
                minutes: 1,
                billable: true,
                remark: evil(),
            }],
            notes: vec![Note {
                body: evil(),
                author: Some(evil()),
            }],
            people: vec![Person {
                id: 3,
                name: evil(),
            }],
        })
        .to_string();
        let listed = home(&[ProjectHours {
            project: evil(),
            company: evil(),
            ..hours(1, Some(EVIL), 1)
        }])
        .to_string();
        for page in [shown, listed, problem(EVIL, EVIL).to_string()] {
            assert!(!page.contains("<script"), "{page}");
            assert!(!page.contains(EVIL), "{page}");
            has(&page, "&quot;&gt;&lt;script&gt;&#39;&amp;");
        }
    }

    #[test]
    fn the_form_needs_somebody_to_work_on_something() {
        let page = project(&Project {
            id: 1,
            name: "Empty".into(),
            company: "Demo".into(),
            team: None,
            hourly_rate: None,
            tasks: Vec::new(),
            entries: Vec::new(),
            notes: Vec::new(),
            people: Vec::new(),
        })
        .to_string();
        assert!(!page.contains("<form"));
        has(&page, "once there is a task and a person");
    }
}
