//! The functions of the interface.

use engine::EngineError;
use wasmtime::component::{Accessor, FutureReader, HasData, Linker, Resource, StreamReader};

use self::bindings::spin::key_value::key_value;
pub use self::bindings::spin::key_value::key_value::Error;
use super::keys::Keys;
use super::{Refusal, Store};
use crate::chunks::ChunkProducer;
use crate::state::State;

mod bindings {
    wasmtime::component::bindgen!({
        path: "../wit/deps/spin-key-value@3.0.0",
        inline: "
            package host:key-value;
            world imports { import spin:key-value/key-value@3.0.0; }
        ",
        imports: { default: trappable },
        with: { "spin:key-value/key-value.store": super::OpenStore },
    });
}

/// Stores that an instance may hold at once.
const STORES_MAX: usize = 256;

/// What a guest's handle refers to.
pub struct OpenStore(Store);

/// Names the capability for the linker; the data of its functions is the whole [`State`].
struct KeyValueStores;

impl HasData for KeyValueStores {
    type Data<'a> = &'a mut State;
}

/// Makes the interface available to guests.
pub fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    key_value::add_to_linker::<State, KeyValueStores>(linker, |state| state)
}

impl key_value::Host for &mut State {}

impl key_value::HostStore for &mut State {
    fn drop(&mut self, handle: Resource<OpenStore>) -> wasmtime::Result<()> {
        self.table.delete(handle)?;
        Ok(())
    }
}

impl<T: Send> key_value::HostStoreWithStore<T> for KeyValueStores {
    async fn open(
        accessor: &Accessor<T, Self>,
        label: String,
    ) -> wasmtime::Result<Result<Resource<OpenStore>, Error>> {
        accessor.with(|mut access| {
            let state = access.get();
            let store = match state.grants.stores.open(&label) {
                Ok(store) => OpenStore(store),
                Err(Refusal::AccessDenied) => return Ok(Err(Error::AccessDenied)),
                Err(Refusal::NoSuchStore) => return Ok(Err(Error::NoSuchStore)),
            };
            let open = state.table.iter_mut().filter(|entry| entry.is::<OpenStore>()).count();
            if STORES_MAX <= open {
                return Ok(Err(Error::StoreTableFull));
            }
            Ok(Ok(state.table.push(store)?))
        })
    }

    async fn get(
        accessor: &Accessor<T, Self>,
        handle: Resource<OpenStore>,
        key: String,
    ) -> wasmtime::Result<Result<Option<Vec<u8>>, Error>> {
        let store = store(accessor, &handle)?;
        Ok(store.file.get(&store.label, &key).await.map_err(|error| to_guest_error(&error)))
    }

    async fn set(
        accessor: &Accessor<T, Self>,
        handle: Resource<OpenStore>,
        key: String,
        value: Vec<u8>,
    ) -> wasmtime::Result<Result<(), Error>> {
        let store = store(accessor, &handle)?;
        Ok(store.file.set(&store.label, &key, value).await.map_err(|error| to_guest_error(&error)))
    }

    async fn delete(
        accessor: &Accessor<T, Self>,
        handle: Resource<OpenStore>,
        key: String,
    ) -> wasmtime::Result<Result<(), Error>> {
        let store = store(accessor, &handle)?;
        Ok(store.file.delete(&store.label, &key).await.map_err(|error| to_guest_error(&error)))
    }

    async fn exists(
        accessor: &Accessor<T, Self>,
        handle: Resource<OpenStore>,
        key: String,
    ) -> wasmtime::Result<Result<bool, Error>> {
        let store = store(accessor, &handle)?;
        Ok(store.file.exists(&store.label, &key).await.map_err(|error| to_guest_error(&error)))
    }

    async fn get_keys(
        accessor: &Accessor<T, Self>,
        handle: Resource<OpenStore>,
    ) -> wasmtime::Result<(StreamReader<String>, FutureReader<Result<(), Error>>)> {
        let store = store(accessor, &handle)?;
        let keys = match store.file.keys(&store.label).await {
            Ok(keys) => Keys::Streamed(keys),
            Err(error) => Keys::Failed(error),
        };
        let (producer, outcome) = ChunkProducer::new(keys);
        accessor.with(|mut access| {
            let keys = StreamReader::new(&mut access, producer)?;
            Ok((keys, FutureReader::new(&mut access, outcome)?))
        })
    }
}

fn store<T>(
    accessor: &Accessor<T, KeyValueStores>,
    handle: &Resource<OpenStore>,
) -> wasmtime::Result<Store> {
    accessor.with(|mut access| Ok(access.get().table.get(handle)?.0.clone()))
}

/// The error as a guest sees it.
pub fn to_guest_error(error: &EngineError) -> Error {
    Error::Other(error.to_string())
}
