//! Exports the documents that speak of somebody: the files as they came, and what is said of them.

use std::collections::HashSet;
use std::io::{self, Read as _};

use intramuros_knowledge::Mentioning;
use intramuros_types::{Access, DocumentId, KnowledgeBaseId};
use serde_json::{Value, json};
use tokio::runtime::Handle;

use super::user::at;
use super::{Archive, Export};
use crate::{DataLife, DataLifeError, Findings, Person};

/// Questions without answer of one knowledge base that are looked at.
const MAX_QUESTIONS: u32 = 1_000;
const BUFFER_BYTES: usize = 64 << 10;
/// Characters of a file name that are kept.
const NAME_CHARS: usize = 120;

const README: &str = "\
Documents qui parlent d'une personne (RGPD, article 15). Ils peuvent parler d'autres personnes aussi :
à relire avant de les remettre.

documents.json  les documents, leurs métadonnées, et où la personne y est nommée
questions.json  les questions restées sans réponse qui la nomment
documents/      les fichiers, tels qu'ils ont été déposés

Documents that speak of a person (GDPR, article 15). They may speak of others too: read them before
you hand them over. documents.json: what is said of each, and where; questions.json: questions without
answer; documents/: the files as they came.
";

impl DataLife {
    /// The documents that speak of `person`, as far as `access` allows to read them; only those of
    /// `chosen` where some are.
    ///
    /// # Errors
    /// Those of [`DataLife::find`]; `Busy`.
    pub async fn export_person(
        &self,
        person: &Person,
        bases: &[KnowledgeBaseId],
        chosen: &[DocumentId],
        access: &Access,
    ) -> Result<(Export, Vec<DocumentId>), DataLifeError> {
        let mut findings = self.find(person, bases, access).await?;
        if !chosen.is_empty() {
            let chosen: HashSet<&DocumentId> = chosen.iter().collect();
            findings.documents.retain(|one| chosen.contains(&one.record.id));
        }
        let ids = findings.documents.iter().map(|one| one.record.id.clone()).collect();
        let questions = match access.is_everything() {
            true => self.questions(person, bases).await?,
            // What others asked is told to those who may read everything.
            false => Vec::new(),
        };
        let access = access.clone();
        let export = self.export("person.zip".to_owned(), move |data_life, archive| {
            write(data_life, archive, &findings, &questions, &access)
        })?;
        Ok((export, ids))
    }

    async fn questions(
        &self,
        person: &Person,
        bases: &[KnowledgeBaseId],
    ) -> Result<Vec<Value>, DataLifeError> {
        let mentions = person.mentions()?;
        let mut found = Vec::new();
        for base in self.bases(bases).await? {
            let questions = self.shared.knowledge.unanswered(&base, MAX_QUESTIONS).await?;
            found.extend(questions.into_iter().filter(|one| mentions.stand_in(&one.question)).map(
                |one| {
                    json!({
                        "knowledge_base": base.as_str(),
                        "question": one.question,
                        "times": one.times,
                        "last_asked": at(one.last_asked),
                    })
                },
            ));
        }
        Ok(found)
    }
}

fn write(
    data_life: &DataLife,
    archive: &mut Archive,
    findings: &Findings,
    questions: &[Value],
    access: &Access,
) -> io::Result<()> {
    let runtime = Handle::current();
    archive.file("LISEZ-MOI.txt")?.write_all(README.as_bytes())?;
    let documents: Vec<Value> = findings.documents.iter().map(described).collect();
    archive.json("documents.json", &documents)?;
    archive.json("questions.json", &questions)?;
    let mut buffer = vec![0; BUFFER_BYTES];
    for one in &findings.documents {
        let record = &one.record;
        let knowledge = &data_life.shared.knowledge;
        let opened = runtime.block_on(knowledge.file(&record.knowledge_base, &record.id, access));
        // One that was erased meanwhile, or is no longer to be read, is not in it.
        let Ok((_, mut file)) = opened else { continue };
        let entry = archive.file(&path_of(one))?;
        loop {
            let read = file.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            entry.write_all(&buffer[..read])?;
        }
    }
    Ok(())
}

fn described(one: &Mentioning) -> Value {
    let record = &one.record;
    let passages: Vec<Value> = one
        .passages
        .iter()
        .map(|(passage, page)| json!({"passage": passage, "page": page}))
        .collect();
    json!({
        "id": record.id.as_str(),
        "knowledge_base": record.knowledge_base.as_str(),
        "file": path_of(one),
        "file_name": record.file_name,
        "title": record.title,
        "author": record.author,
        "written": record.written,
        "created": at(record.created),
        "bytes": record.bytes,
        "sha256": record.sha256,
        "external_id": record.details.external_id,
        "source": record.details.source,
        "labels": record.details.labels,
        "metadata": record.details.metadata,
        "found_in": {"fields": one.fields, "passages": passages, "passage_count": one.passage_count},
    })
}

/// Where a document's file is in the archive: names come from strangers.
fn path_of(one: &Mentioning) -> String {
    let plain = |c: char| if c.is_alphanumeric() || "._- ".contains(c) { c } else { '_' };
    let name: String = one.record.file_name.chars().take(NAME_CHARS).map(plain).collect();
    let name = name.trim_matches(['.', ' ']);
    format!("documents/{}/{}", one.record.id, if name.is_empty() { "file" } else { name })
}
