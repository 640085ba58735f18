//! What a caller's pointers point to, checked as far as that can be done.

use std::ffi::c_char;
use std::ptr::NonNull;

use crate::codes::Failure;

fn checked<T>(pointer: *mut T) -> Result<NonNull<T>, Failure> {
    NonNull::new(pointer)
        .filter(|pointer| pointer.is_aligned())
        .ok_or(Failure::Pointer)
}

/// A copy of what a pointer points to.
///
/// # Safety
/// `pointer` is null, or valid for reading a `T` whose every bit pattern is one.
pub(super) unsafe fn read<T: Copy>(pointer: *const T) -> Result<T, Failure> {
    let pointer = checked(pointer.cast_mut())?;
    // SAFETY: neither null nor misaligned, and by the caller's promise valid.
    Ok(unsafe { pointer.read() })
}

/// `pointer` where `len` of something lie or have room: null only where there is none of it.
pub(super) fn room_for<T>(pointer: *mut T, len: usize) -> Result<NonNull<T>, Failure> {
    let bytes = len.checked_mul(size_of::<T>()).ok_or(Failure::Argument)?;
    isize::try_from(bytes).map_err(|_| Failure::Argument)?;
    if len == 0 {
        return Ok(NonNull::dangling());
    }
    checked(pointer)
}

/// `len` of something, null only where there is none.
///
/// # Safety
/// `pointer` is valid for reading `len` of `T` for as long as the slice lives, and nobody writes there meanwhile.
pub(super) unsafe fn slice<'a, T>(pointer: *const T, len: usize) -> Result<&'a [T], Failure> {
    let pointer = room_for(pointer.cast_mut(), len)?;
    // SAFETY: neither null nor misaligned nor longer than memory, and by the caller's promise valid.
    Ok(unsafe { std::slice::from_raw_parts(pointer.as_ptr(), len) })
}

/// Where an answer goes. Asked for before anything is done, so that no answer is lost.
pub(super) struct Out<T>(NonNull<T>);

impl<T> Out<T> {
    /// # Safety
    /// `pointer` is null, or valid for writing a `T` until [`Out::put`].
    pub(super) unsafe fn new(pointer: *mut T) -> Result<Self, Failure> {
        checked(pointer).map(Self)
    }

    pub(super) fn put(self, value: T) {
        // SAFETY: checked above, and valid by the promise given there.
        unsafe { self.0.write(value) }
    }
}

/// Where a list of answers goes, and how many there were.
pub(super) struct OutList<T> {
    first: NonNull<T>,
    room: usize,
    count: Out<usize>,
}

impl<T> OutList<T> {
    /// # Safety
    /// `first` is valid for writing `room` of `T` and `count` for writing one number until the list is put.
    pub(super) unsafe fn new(
        first: *mut T,
        room: usize,
        count: *mut usize,
    ) -> Result<Self, Failure> {
        Ok(Self {
            first: room_for(first, room)?,
            room,
            // SAFETY: the caller's promise.
            count: unsafe { Out::new(count)? },
        })
    }

    /// Writes as many as there is room for, and the number of all.
    pub(super) fn put_all(self, values: impl ExactSizeIterator<Item = T>) {
        let all = values.len();
        for (at, value) in values.take(self.room).enumerate() {
            // SAFETY: `at` is below the room, which was checked and is valid by the promise given with it.
            unsafe { self.first.add(at).write(value) };
        }
        self.count.put(all);
    }
}

/// Writes a text, cut to the room at a character's end, with its closing zero.
///
/// # Safety
/// `to` is null, or valid for writing `room` bytes.
pub(super) unsafe fn put_text(text: &str, to: *mut c_char, room: usize) {
    let Some(last) = room.checked_sub(1).filter(|_| !to.is_null()) else {
        return;
    };
    let mut len = text.len().min(last);
    while !text.is_char_boundary(len) {
        len -= 1;
    }
    // SAFETY: `len` and its zero are within the room, which is valid by the caller's promise and not the text's memory.
    unsafe {
        std::ptr::copy_nonoverlapping(text.as_ptr(), to.cast(), len);
        to.add(len).write(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_crooked_and_endless_pointers_are_refused() {
        let numbers = [7_u64, 8];
        let crooked = numbers.as_ptr().wrapping_byte_add(1);
        // SAFETY: what is refused is not read.
        unsafe {
            assert_eq!(read(std::ptr::null::<u64>()), Err(Failure::Pointer));
            assert_eq!(read(crooked), Err(Failure::Pointer));
            assert_eq!(read(numbers.as_ptr()), Ok(7));
            assert_eq!(slice(numbers.as_ptr(), 2), Ok(&[7, 8][..]));
            assert_eq!(slice(std::ptr::null::<u64>(), 0), Ok(&[][..]));
            assert_eq!(slice(std::ptr::null::<u64>(), 1), Err(Failure::Pointer));
            assert_eq!(slice(crooked, 1), Err(Failure::Pointer));
            assert_eq!(
                slice(numbers.as_ptr(), usize::MAX / 4),
                Err(Failure::Argument)
            );
            assert!(Out::new(crooked.cast_mut()).is_err());
        }
    }

    #[test]
    fn a_text_is_cut_at_a_characters_end() {
        for (room, wanted) in [
            (0, &b"xxxxxx"[..]),
            (1, b"\0xxxxx"),
            (3, b"a\xc3\xa9"),
            (4, b"a\xc3\xa9\0xx"),
            (6, b"a\xc3\xa9b\0x"),
        ] {
            let mut to = *b"xxxxxx";
            // SAFETY: the room is within the array.
            unsafe { put_text("aéb", to.as_mut_ptr().cast(), room) };
            let wanted = if room == 3 { &b"a\0xxxx"[..] } else { wanted };
            assert_eq!(to, wanted, "{room}");
        }
    }

    #[test]
    fn a_list_tells_how_many_there_are_and_writes_what_fits() {
        let (mut room, mut count) = ([0_u64; 3], 0);
        // SAFETY: both live through the call.
        let list = unsafe { OutList::new(room.as_mut_ptr(), 2, &mut count) }.unwrap();
        list.put_all([4, 5, 6].into_iter());
        assert_eq!((room, count), ([4, 5, 0], 3));
        // SAFETY: there is no room to be written.
        let list = unsafe { OutList::<u64>::new(std::ptr::null_mut(), 0, &mut count) }.unwrap();
        list.put_all([1].into_iter());
        assert_eq!(count, 1);
    }
}
