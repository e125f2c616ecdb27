//! The memory of a call: an arena that is there from the start, and the standard allocator behind it.
//!
//! Growing a Wasm memory costs the host two system calls, one to grow it and one to have it small again for the next
//! call; that is more than all else that a call of a few rows costs. The arena is part of the memory that an instance
//! starts with. It takes back what was allocated last and forgets the rest: a call ends, and everything with it.
//! What does not fit goes to the standard allocator, which takes everything back.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, UnsafeCell};

/// Aligned so that most layouts need no padding at the start.
#[repr(C, align(16))]
struct Space<const BYTES: usize>(UnsafeCell<[u8; BYTES]>);

/// An allocator for one thread.
pub(crate) struct Arena<const BYTES: usize> {
    space: Space<BYTES>,
    /// Bytes from the start that are given out, with what lies forgotten between them.
    used: Cell<usize>,
}

// SAFETY: Wasm without atomics has one thread. Nothing else makes a static of it.
#[cfg(all(target_arch = "wasm32", not(target_feature = "atomics")))]
unsafe impl<const BYTES: usize> Sync for Arena<BYTES> {}

impl<const BYTES: usize> Arena<BYTES> {
    pub(crate) const fn new() -> Self {
        Self { space: Space(UnsafeCell::new([0; BYTES])), used: Cell::new(0) }
    }

    fn start(&self) -> *mut u8 {
        self.space.0.get().cast()
    }

    /// Where in the arena `block` begins, if it lies there.
    fn offset(&self, block: *mut u8) -> Option<usize> {
        block.addr().checked_sub(self.start().addr()).filter(|offset| *offset < BYTES)
    }

    fn is_last(&self, offset: usize, size: usize) -> bool {
        offset + size == self.used.get()
    }

    /// Makes room for `layout` at the end of what is used.
    fn place(&self, layout: Layout) -> Option<*mut u8> {
        // Empty blocks are for the allocator behind: at the very end they would lie outside.
        let free = self.start().addr().checked_add(self.used.get())?;
        let offset = free.checked_next_multiple_of(layout.align())? - self.start().addr();
        let end = offset.checked_add(layout.size()).filter(|end| *end <= BYTES && layout.size() > 0)?;
        self.used.set(end);
        // SAFETY: `offset` is at most `end`, which is inside the arena.
        Some(unsafe { self.start().add(offset) })
    }
}

// SAFETY: blocks are disjoint, since each begins at or after the end of all before it, and `used` only goes back to
// the start of the last one when that is given back or shrinks. Blocks outside are those of `System`, and go back there.
unsafe impl<const BYTES: usize> GlobalAlloc for Arena<BYTES> {
    // Not copied into every place that allocates: the code of a component is loaded too.
    #[inline(never)]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise is that of `System`.
        self.place(layout).unwrap_or_else(|| unsafe { System.alloc(layout) })
    }

    #[inline(never)]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        match self.offset(block) {
            Some(offset) if self.is_last(offset, layout.size()) => self.used.set(offset),
            Some(_) => {}
            // SAFETY: the block is not of the arena, so it is of `System`.
            None => unsafe { System.dealloc(block, layout) },
        }
    }

    #[inline(never)]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        let Some(offset) = self.offset(block) else {
            // SAFETY: the block is not of the arena, so it is of `System`.
            return unsafe { System.realloc(block, layout, new_size) };
        };
        if self.is_last(offset, layout.size()) && new_size <= BYTES - offset {
            self.used.set(offset + new_size);
            return block;
        }
        if new_size <= layout.size() {
            return block;
        }
        // SAFETY: the caller promises that the size is right for the alignment, and that the block is of
        // `layout`, which is the shorter of the two.
        unsafe {
            let moved = self.alloc(Layout::from_size_align_unchecked(new_size, layout.align()));
            if !moved.is_null() {
                moved.copy_from_nonoverlapping(block, layout.size());
                self.dealloc(block, layout);
            }
            moved
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// What a program does with memory. Blocks are named by a number that is taken among those there are.
    #[derive(Clone, Copy, Debug)]
    enum Step {
        Allocate { size: usize, align: usize },
        Resize { block: usize, size: usize },
        Free { block: usize },
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let size = || prop_oneof![4 => 1_usize..40, 1 => 100_usize..400];
        let step = prop_oneof![
            (size(), 0_u32..6).prop_map(|(size, power)| Step::Allocate { size, align: 1 << power }),
            (any::<usize>(), size()).prop_map(|(block, size)| Step::Resize { block, size }),
            any::<usize>().prop_map(|block| Step::Free { block }),
        ];
        vec(step, 0..60)
    }

    /// A block with what was written into it.
    struct Block {
        at: *mut u8,
        layout: Layout,
        content: Vec<u8>,
    }

    impl Block {
        /// Fills the block from `from` on with bytes that no other block has in this place.
        fn write(&mut self, from: usize, seed: usize) {
            for index in from..self.layout.size() {
                let byte = u8::try_from((seed * 31 + index) % 251).unwrap();
                // SAFETY: the block is of this size.
                unsafe { self.at.add(index).write(byte) };
                self.content.push(byte);
            }
        }

        fn read(&self) -> &[u8] {
            // SAFETY: the block is of this size, and was written in full.
            unsafe { std::slice::from_raw_parts(self.at, self.layout.size()) }
        }
    }

    proptest! {
        #[test]
        fn blocks_keep_what_is_written_whatever_happens_to_others(steps in steps()) {
            let arena = Arena::<1024>::new();
            let mut blocks: Vec<Block> = Vec::new();
            for (seed, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Allocate { size, align } => {
                        let layout = Layout::from_size_align(size, align).unwrap();
                        // SAFETY: the layout is not empty.
                        let at = unsafe { arena.alloc(layout) };
                        prop_assert!(!at.is_null() && at.addr().is_multiple_of(align));
                        let mut block = Block { at, layout, content: Vec::new() };
                        block.write(0, seed);
                        blocks.push(block);
                    }
                    Step::Resize { block, size } if !blocks.is_empty() => {
                        let index = block % blocks.len();
                        let block = &mut blocks[index];
                        // SAFETY: the block is of this arena and layout.
                        block.at = unsafe { arena.realloc(block.at, block.layout, size) };
                        prop_assert!(!block.at.is_null() && block.at.addr().is_multiple_of(block.layout.align()));
                        block.layout = Layout::from_size_align(size, block.layout.align()).unwrap();
                        block.content.truncate(size);
                        block.write(block.content.len(), seed);
                    }
                    Step::Free { block } if !blocks.is_empty() => {
                        let block = blocks.swap_remove(block % blocks.len());
                        // SAFETY: the block is of this arena and layout.
                        unsafe { arena.dealloc(block.at, block.layout) };
                    }
                    Step::Resize { .. } | Step::Free { .. } => {}
                }
                for block in &blocks {
                    prop_assert_eq!(block.read(), block.content.as_slice());
                }
            }
            for block in blocks {
                // SAFETY: the block is of this arena and layout.
                unsafe { arena.dealloc(block.at, block.layout) };
            }
        }
    }

    #[test]
    fn the_last_block_grows_in_its_place_and_is_taken_back() {
        let arena = Arena::<64>::new();
        let layout = |size| Layout::from_size_align(size, 8).unwrap();
        // SAFETY: layouts are not empty, and blocks are given with theirs.
        unsafe {
            let first = arena.alloc(layout(16));
            assert_eq!(arena.realloc(first, layout(16), 64), first);
            let outside = arena.alloc(layout(8));
            assert_eq!(arena.offset(outside), None);
            arena.dealloc(outside, layout(8));
            arena.dealloc(first, layout(64));
            assert_eq!(arena.alloc(layout(64)), first);
        }
    }
}
