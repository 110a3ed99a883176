//! Works out what a key or a user may do and read: by itself, by its groups, by its owner.

use intramuros_types::{Access, Limits, Principal};
use sqlx::Row;

use crate::document::from_json;
use crate::{KeyRecord, Ledger, LedgerError, UserRecord};

impl Ledger {
    /// What a key may do: what its scopes say, and of that no more than its owner may. `None` when
    /// its owner was disabled.
    pub(crate) async fn principal_of_key(
        &self,
        key: &KeyRecord,
    ) -> Result<Option<Principal>, LedgerError> {
        let mut access = self.with_groups(key.access(), key.family.as_str()).await?;
        let mut scopes = key.scopes.clone();
        if let Some(owner) = &key.owner {
            let owner = self.get_user(owner).await?;
            if owner.disabled.is_some() {
                return Ok(None);
            }
            scopes.retain(|scope| owner.role.allows(*scope));
            access = access.and(&self.access_of_user(&owner).await?);
        }
        Ok(Some(Principal {
            key: Some(key.id.clone()),
            family: Some(key.family.clone()),
            user: key.owner.clone(),
            scopes,
            access,
            limits: key.limits,
        }))
    }

    /// What a user may do who signed in.
    ///
    /// # Errors
    /// `Database`.
    pub async fn principal_of_user(&self, user: &UserRecord) -> Result<Principal, LedgerError> {
        Ok(Principal {
            key: None,
            family: None,
            user: Some(user.id.clone()),
            scopes: user.role.scopes(),
            access: self.access_of_user(user).await?,
            limits: Limits::default(),
        })
    }

    /// What a key may do now, whatever became of it.
    ///
    /// # Errors
    /// `Database`.
    pub async fn powers_of_key(&self, key: &KeyRecord) -> Result<Principal, LedgerError> {
        let access = self.with_groups(key.access(), key.family.as_str()).await?;
        Ok(Principal {
            key: Some(key.id.clone()),
            family: Some(key.family.clone()),
            user: key.owner.clone(),
            scopes: key.scopes.clone(),
            access,
            limits: key.limits,
        })
    }

    async fn access_of_user(&self, user: &UserRecord) -> Result<Access, LedgerError> {
        self.with_groups(Access::of(&user.labels).without(&user.denied), user.id.as_str()).await
    }

    /// `own` with what the groups of `member` add and deny.
    async fn with_groups(&self, own: Access, member: &str) -> Result<Access, LedgerError> {
        const OPERATION: &str = "read the groups of a caller";
        let rows = sqlx::query(
            "SELECT user_groups.labels, user_groups.denied FROM user_groups JOIN group_members \
             ON group_members.user_group = user_groups.id WHERE group_members.member = $1",
        )
        .bind(member)
        .fetch_all(&self.pool)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        let mut access = own;
        for row in rows {
            let read = |name| -> Result<Vec<String>, sqlx::Error> {
                from_json(row.try_get::<&str, _>(name)?)
            };
            let labels = read("labels").map_err(LedgerError::database(OPERATION))?;
            let denied = read("denied").map_err(LedgerError::database(OPERATION))?;
            access = access.or(&Access::of(&labels).without(&denied));
        }
        Ok(access)
    }
}
