"""The modules of the strict profile: pure computation, and of each module the names that stay pure.

Left out, with the reason where it is not plain:

- `string.Formatter`, `collections.UserString`: format texts with attribute access in library code.
- `typing.get_type_hints`, `functools.singledispatch`: evaluate annotations that are strings, unrestricted.
- `typing.get_origin`: gives `type` for `type[int]`.
- `functools.update_wrapper`, `wraps` as they are: copy any attribute they are told to, even `__globals__`.
- `dataclasses.make_dataclass`: defines methods by a dictionary, past the transformer.
- `copy.deepcopy` with a memo: shows the insides of all it copies.
- `types`, `inspect`, `gc`, `weakref`, `contextvars`, `pickle`, `importlib`: insides of the interpreter.
- `uuid.uuid1`: starts a process to find the network card. `asyncio` loops: start processes and connections.
- of numpy: files (`load`, `save`, `fromfile`, `memmap`, ...), raw memory (`nditer`, `from_dlpack`,
  `lib`, `ctypeslib`), `matrix` and `bmat` (evaluate text in the caller's frame), classes that take a buffer.
"""

from __future__ import annotations

from dspex_actors.workers.guest._import_rules import ImportRules

# Modules whose public names are all harmless; where a module has an `__all__`, those are the names.
WHOLE_MODULES = (
    "math cmath numbers fractions statistics decimal random itertools heapq bisect "
    "collections.abc textwrap base64 binascii struct zlib datetime __future__"
)

NAMES = {
    "abc": "ABC ABCMeta abstractmethod",
    "array": "array typecodes",
    "asyncio": (
        "run sleep gather wait_for wait create_task as_completed timeout shield current_task "
        "TaskGroup Queue PriorityQueue LifoQueue QueueEmpty QueueFull Semaphore BoundedSemaphore Lock "
        "Event Condition TimeoutError CancelledError InvalidStateError iscoroutine "
        "iscoroutinefunction FIRST_COMPLETED FIRST_EXCEPTION ALL_COMPLETED"
    ),
    "calendar": (
        "Calendar TextCalendar HTMLCalendar monthrange monthcalendar month calendar isleap leapdays "
        "weekday month_name month_abbr day_name day_abbr timegm weekheader setfirstweekday "
        "firstweekday IllegalMonthError IllegalWeekdayError MONDAY TUESDAY WEDNESDAY THURSDAY FRIDAY "
        "SATURDAY SUNDAY"
    ),
    "collections": "deque Counter OrderedDict defaultdict namedtuple ChainMap UserDict UserList",
    "contextlib": (
        "contextmanager asynccontextmanager closing aclosing nullcontext suppress ExitStack "
        "AsyncExitStack AbstractContextManager AbstractAsyncContextManager ContextDecorator"
    ),
    "copy": "copy deepcopy replace Error",
    "csv": (
        "reader writer DictReader DictWriter Error QUOTE_ALL QUOTE_MINIMAL QUOTE_NONE "
        "QUOTE_NONNUMERIC excel excel_tab unix_dialect Dialect"
    ),
    "dataclasses": (
        "dataclass field fields asdict astuple replace is_dataclass InitVar KW_ONLY MISSING "
        "FrozenInstanceError"
    ),
    "enum": "Enum IntEnum StrEnum Flag IntFlag auto unique",
    "functools": (
        "reduce partial partialmethod lru_cache cache cached_property total_ordering cmp_to_key wraps "
        "update_wrapper"
    ),
    "hashlib": (
        "md5 sha1 sha224 sha256 sha384 sha512 sha3_224 sha3_256 sha3_384 sha3_512 shake_128 shake_256 "
        "blake2b blake2s new pbkdf2_hmac scrypt algorithms_available algorithms_guaranteed"
    ),
    "hmac": "new digest compare_digest",
    "io": "StringIO BytesIO",
    "json": "dumps loads dump load JSONEncoder JSONDecoder JSONDecodeError",
    "operator": (
        "abs add and_ attrgetter call concat contains countOf delitem eq floordiv ge getitem gt iadd "
        "iand iconcat ifloordiv ilshift imatmul imod imul index indexOf inv invert ior ipow irshift "
        "is_ is_not isub itemgetter itruediv ixor le length_hint lshift lt matmul methodcaller mod "
        "mul ne neg not_ or_ pos pow rshift setitem sub truediv truth xor"
    ),
    "re": (
        "match fullmatch search sub subn split findall finditer compile purge escape error Pattern "
        "Match A I L M S X U ASCII IGNORECASE LOCALE MULTILINE DOTALL VERBOSE UNICODE NOFLAG "
        "RegexFlag"
    ),
    "secrets": ("choice randbelow randbits token_bytes token_hex token_urlsafe compare_digest SystemRandom"),
    "string": (
        "ascii_letters ascii_lowercase ascii_uppercase capwords digits hexdigits octdigits printable "
        "punctuation whitespace Template"
    ),
    "sys": (
        "stdout stderr exit maxsize maxunicode byteorder version version_info float_info int_info "
        "hash_info getsizeof getrecursionlimit intern platform"
    ),
    "time": (
        "time time_ns monotonic monotonic_ns perf_counter perf_counter_ns process_time "
        "process_time_ns sleep gmtime localtime mktime strftime strptime ctime asctime struct_time "
        "timezone altzone daylight tzname"
    ),
    "typing": (
        "Annotated Any AnyStr Callable ClassVar Concatenate Final Generic Literal LiteralString "
        "Optional ParamSpec Protocol Tuple Type TypeVar TypeVarTuple Union AbstractSet Container "
        "ContextManager Hashable ItemsView Iterable Iterator KeysView Mapping MappingView "
        "MutableMapping MutableSequence MutableSet Sequence Sized ValuesView Awaitable AsyncIterator "
        "AsyncIterable Coroutine Collection AsyncGenerator AsyncContextManager Reversible SupportsAbs "
        "SupportsBytes SupportsComplex SupportsFloat SupportsIndex SupportsInt SupportsRound ChainMap "
        "Counter Deque Dict DefaultDict List OrderedDict Set FrozenSet NamedTuple TypedDict Generator "
        "IO TextIO BinaryIO Match Pattern assert_never assert_type cast final get_args is_typeddict "
        "Never NewType NoReturn NotRequired overload override Required runtime_checkable Self Text "
        "TYPE_CHECKING TypeAlias TypeGuard Unpack"
    ),
    "uuid": "UUID uuid3 uuid4 uuid5 NAMESPACE_DNS NAMESPACE_URL NAMESPACE_OID NAMESPACE_X500 SafeUUID",
    "numpy": (
        "False_ True_ abs absolute acos acosh add all allclose amax amin angle any append "
        "apply_along_axis apply_over_axes arange arccos arccosh arcsin arcsinh arctan arctan2 arctanh "
        "argmax argmin argpartition argsort argwhere around array array2string array_equal "
        "array_equiv array_repr array_split array_str asanyarray asarray asarray_chkfinite "
        "ascontiguousarray asfortranarray asin asinh astype atan atan2 atanh atleast_1d atleast_2d "
        "atleast_3d average bartlett base_repr binary_repr bincount bitwise_and bitwise_count "
        "bitwise_invert bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift bitwise_xor "
        "blackman block bool bool_ broadcast broadcast_arrays broadcast_shapes broadcast_to "
        "busday_count busday_offset busdaycalendar byte bytes_ c_ can_cast cbrt cdouble ceil "
        "character choose clip clongdouble column_stack common_type complex128 complex64 "
        "complexfloating compress concat concatenate conj conjugate convolve copy copysign copyto "
        "corrcoef correlate cos cosh count_nonzero cov cross csingle cumprod cumsum cumulative_prod "
        "cumulative_sum datetime64 datetime_as_string datetime_data deg2rad degrees delete diag "
        "diag_indices diag_indices_from diagflat diagonal diff digitize divide divmod dot double "
        "dsplit dstack dtype e ediff1d einsum einsum_path empty empty_like equal errstate euler_gamma "
        "exp exp2 expand_dims expm1 extract eye fabs fill_diagonal finfo fix flatnonzero flexible "
        "flip fliplr flipud float16 float32 float64 float_power floating floor floor_divide fmax fmin "
        "fmod format_float_positional format_float_scientific frexp frombuffer fromfunction fromiter "
        "frompyfunc fromstring full full_like gcd generic geomspace get_printoptions geterr gradient "
        "greater greater_equal half hamming hanning heaviside histogram histogram2d "
        "histogram_bin_edges histogramdd hsplit hstack hypot i0 identity iinfo imag in1d index_exp "
        "indices inexact inf inner insert int16 int32 int64 int8 int_ intc integer interp intersect1d "
        "intp invert is_busday isclose iscomplex iscomplexobj isdtype isfinite isfortran isin isinf "
        "isnan isnat isneginf isposinf isreal isrealobj isscalar issubdtype iterable ix_ kaiser kron "
        "lcm ldexp left_shift less less_equal lexsort linspace log log10 log1p log2 logaddexp "
        "logaddexp2 logical_and logical_not logical_or logical_xor logspace long longdouble longlong "
        "mask_indices matmul matrix_transpose matvec max maximum may_share_memory mean median "
        "meshgrid mgrid min min_scalar_type minimum mod modf moveaxis multiply nan nan_to_num "
        "nanargmax nanargmin nancumprod nancumsum nanmax nanmean nanmedian nanmin nanpercentile "
        "nanprod nanquantile nanstd nansum nanvar ndarray ndenumerate ndim ndindex negative newaxis "
        "nextafter nonzero not_equal number object_ ogrid ones ones_like outer packbits pad partition "
        "percentile permute_dims pi piecewise place poly poly1d polyadd polyder polydiv polyfit "
        "polyint polymul polysub polyval positive pow power printoptions prod promote_types ptp put "
        "put_along_axis putmask quantile r_ rad2deg radians ravel ravel_multi_index real "
        "real_if_close reciprocal remainder repeat require reshape resize result_type right_shift "
        "rint roll rollaxis roots rot90 round row_stack s_ searchsorted select set_printoptions "
        "setdiff1d seterr setxor1d shape shares_memory short sign signbit signedinteger sin sinc "
        "single sinh size sort sort_complex spacing split sqrt square squeeze stack std str_ subtract "
        "sum swapaxes take take_along_axis tan tanh tensordot tile timedelta64 trace transpose "
        "trapezoid trapz tri tril tril_indices tril_indices_from trim_zeros triu triu_indices "
        "triu_indices_from true_divide trunc typecodes ubyte ufunc uint uint16 uint32 uint64 uint8 "
        "uintc uintp ulong ulonglong union1d unique unique_all unique_counts unique_inverse "
        "unique_values unpackbits unravel_index unsignedinteger unstack unwrap ushort vander var vdot "
        "vecdot vecmat vectorize void vsplit vstack where zeros zeros_like"
    ),
    "numpy.linalg": (
        "LinAlgError cholesky cond cross det diagonal eig eigh eigvals eigvalsh inv lstsq matmul "
        "matrix_norm matrix_power matrix_rank matrix_transpose multi_dot norm outer pinv qr slogdet "
        "solve svd svdvals tensordot tensorinv tensorsolve trace vecdot vector_norm"
    ),
    "numpy.fft": (
        "fft ifft rfft irfft hfft ihfft rfftn irfftn rfft2 irfft2 fft2 ifft2 fftn ifftn fftshift "
        "ifftshift fftfreq rfftfreq"
    ),
    "numpy.random": (
        "beta binomial bytes chisquare choice default_rng dirichlet exponential f gamma geometric "
        "get_state gumbel hypergeometric laplace logistic lognormal logseries multinomial "
        "multivariate_normal negative_binomial normal pareto permutation poisson power rand randint "
        "randn random random_integers random_sample ranf rayleigh sample seed shuffle "
        "standard_cauchy standard_exponential standard_gamma standard_normal standard_t triangular "
        "uniform vonmises wald weibull zipf Generator RandomState"
    ),
    "numpy.typing": "ArrayLike NDArray DTypeLike",
    "numpy.lib.stride_tricks": "sliding_window_view broadcast_to",
}

STRICT_RULES = ImportRules(
    allow=(
        *WHOLE_MODULES.split(),
        *(f"{module}:{name}" for module, listed in NAMES.items() for name in listed.split()),
    ),
)
"""What strict code may import by default. Widen it with `STRICT_RULES.widened(allow=...)`."""
