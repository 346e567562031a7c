//! Pens over a log: their numbers are told apart with its help, and their end is recorded in it.

use std::io;
use std::path::PathBuf;

use ace_schema::data::PenDropped;
use ace_schema::{Kind, ty};

use crate::append::{Appender, full_or};
use crate::pens::{self, Pen};
use crate::store::{AppendError, Appended, Nib};

impl Appender {
    /// Opens a pen with a number no other pen of this session ever had.
    ///
    /// # Errors
    /// [`AppendError::Pens`], or what [`append`](Self::append) may meet.
    pub fn open_pen(&mut self, kind: Kind) -> Result<Pen, AppendError> {
        let folder = self.pens_folder()?;
        let kept = self.ledger.seq();
        self.locked(|this| pens::open(&folder, kind, this.ledger.max_pen())).map_err(|e| match e {
            AppendError::Io(e) => full_or(e, kept),
            other => other,
        })
    }

    /// Pens that nobody holds any more and that are not yet recorded as dropped.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub fn gone_pens(&mut self) -> Result<Vec<u32>, AppendError> {
        let folder = self.pens_folder()?;
        self.locked(|_| Ok(pens::gone(&folder)?))
    }

    /// Those of `pens` that nobody holds, whether their files are still there or were removed.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub fn unheld(&mut self, of: &[u32]) -> Result<Vec<u32>, AppendError> {
        let folder = self.pens_folder()?;
        self.locked(|_| Ok(pens::unheld(&folder, of)?))
    }

    /// Forgets a pen that left nothing open, so that nobody records it as dropped.
    ///
    /// # Errors
    /// Its file cannot be removed.
    pub fn forget_pen(&mut self, pen: u32) -> io::Result<()> {
        self.parts.forget(pen);
        pens::remove(&self.pens_folder()?, pen)
    }

    /// Records `pen.dropped` for every pen that is gone, then removes its file. Two that do it at once record it once.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub fn drop_gone_pens(&mut self) -> Result<Appended, AppendError> {
        let gone = self.gone_pens()?;
        self.record_dropped(&gone)
    }

    /// Records `pen.dropped` for a pen whose filter has fallen while we hold it, and gives it up.
    ///
    /// # Errors
    /// As [`append`](Self::append); the pen is then left for [`drop_gone_pens`](Self::drop_gone_pens).
    pub fn drop_pen(&mut self, pen: Pen) -> Result<Appended, AppendError> {
        let number = pen.number();
        pen.leave();
        self.record_dropped(&[number])
    }

    fn record_dropped(&mut self, pens: &[u32]) -> Result<Appended, AppendError> {
        let draft = |&pen: &u32| self.ledger.keeper_draft(&format!("drop-{pen}"), ty::PEN_DROPPED, &PenDropped { pen });
        let drafts: Vec<u8> = pens.iter().flat_map(draft).collect();
        let appended = self.append(Nib::KEEPER, &drafts)?;
        let folder = self.pens_folder()?;
        for &pen in pens {
            self.parts.forget(pen);
            pens::remove(&folder, pen)?;
        }
        Ok(appended)
    }

    fn pens_folder(&self) -> io::Result<PathBuf> {
        self.log.beside("pens").ok_or(io::ErrorKind::NotADirectory.into())
    }
}
