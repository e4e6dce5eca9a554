"""Which error of AWS, or of its SDK, means what to the caller: two tables.

Neighbour: `providers.aws.errors` looks failures up here. Names only, no SDK, so
that the tables read like the documentation they come from. A test compares them
with the error shapes of botocore's service models and with `botocore.exceptions`.

Source: API references of Secrets Manager, Systems Manager, ECR and STS ("Errors", "Common
Errors"), and the throttling codes of botocore's standard retry mode.
"""

from __future__ import annotations

from providers.base import (
    AccessDenied,
    AuthFailed,
    InvalidRef,
    KeyUnusable,
    ProviderError,
    RateLimited,
    SecretNotFound,
    Unavailable,
)

__all__ = ["CODES", "SDK_CLASSES", "UNKNOWN_OPERATION_CODES", "iam_service"]

_CODES_BY_CLASS: dict[type[ProviderError], str] = {
    SecretNotFound: "ParameterNotFound ParameterVersionNotFound ResourceNotFoundException",
    AccessDenied: """
        AccessDenied AccessDeniedException NotAuthorized OptInRequired
        UnauthorizedOperation UnauthorizedException
        OutboundWebIdentityFederationDisabledException
        SessionDurationEscalationException
    """,
    AuthFailed: """
        AuthFailure ExpiredToken ExpiredTokenException ExpiredTradeInTokenException
        IDPRejectedClaim IncompleteSignature IncompleteSignatureException
        InvalidAccessKeyId InvalidAuthorizationMessageException InvalidClientTokenId
        InvalidIdentityToken InvalidIdentityTokenException InvalidSignatureException
        InvalidToken JWTPayloadSizeExceededException MissingAuthenticationToken
        MissingAuthenticationTokenException NotAuthorizedException RegionDisabledException
        RequestExpired RequestTimeTooSkewed SignatureDoesNotMatch TokenRefreshRequired
        UnrecognizedClientException
    """,
    InvalidRef: """
        HierarchyLevelLimitExceededException HierarchyTypeMismatchException
        IncompatiblePolicyException InvalidAllowedPatternException InvalidFilterKey
        InvalidFilterOption InvalidFilterValue InvalidPolicyAttributeException
        InvalidPolicyTypeException InvalidResourceId InvalidResourceType
        ParameterAlreadyExists ParameterLimitExceeded ParameterMaxVersionLimitExceeded
        ParameterPatternMismatchException PoliciesLimitExceededException
        TooManyTagsError UnsupportedParameterType
        InvalidParameter InvalidParameterCombination InvalidParameterException
        InvalidParameterValue InvalidRequestException MalformedPolicyDocument
        MalformedPolicyDocumentException MalformedQueryString MissingParameter
        PackedPolicyTooLarge PackedPolicyTooLargeException PreconditionNotMetException
        PublicPolicyException ResourceExistsException SerializationException
        ValidationError ValidationException
        InvalidAction NotImplemented UnknownOperation UnknownOperationException
        UnsupportedCommandException UnsupportedOperation UnsupportedOperationException
    """,
    KeyUnusable: "DecryptionFailure EncryptionFailure InvalidKeyId",
    RateLimited: """
        BandwidthLimitExceeded EC2ThrottledException LimitExceededException
        PriorRequestNotComplete ProvisionedThroughputExceededException
        RequestLimitExceeded RequestThrottled RequestThrottledException SlowDown
        ThrottledException Throttling ThrottlingException TooManyRequestsException
        TooManyUpdates TransactionInProgressException
    """,
    Unavailable: """
        IDPCommunicationError IDPCommunicationErrorException InternalError
        InternalFailure InternalServerError InternalServiceError
        InternalServiceErrorException InternalServiceException
        InvalidNextToken InvalidNextTokenException RequestTimeout RequestTimeoutException
        ServerException ServiceUnavailable ServiceUnavailableException
    """,
}

#: Error code → what the caller must do.
CODES: dict[str, type[ProviderError]] = {
    code: kind for kind, codes in _CODES_BY_CLASS.items() for code in codes.split()
}

#: The endpoint does not implement the operation (an older or a partial copy of the service).
UNKNOWN_OPERATION_CODES = frozenset(
    {
        "InvalidAction",
        "NotImplemented",
        "UnknownOperation",
        "UnknownOperationException",
        "UnsupportedOperation",
        "UnsupportedOperationException",
    }
)

_SDK_BY_CLASS: dict[type[ProviderError], str] = {
    AuthFailed: """
        ConfigNotFound ConfigParseError CredentialRetrievalError InfiniteLoopConfigError
        InvalidConfigError InvalidIMDSEndpointError InvalidIMDSEndpointModeError LoginError
        NoAuthTokenError NoCredentialsError PartialCredentialsError ProfileNotFound
        RefreshWithMFAUnsupportedError SSOError TokenRetrievalError UnknownCredentialError
        UnknownTokenProviderError
    """,
    InvalidRef: """
        ApiVersionNotFoundError BaseEndpointResolverError DataNotFoundError
        EndpointProviderError InvalidChecksumConfigError InvalidDNSNameError
        InvalidDefaultsMode InvalidEndpointConfigurationError
        InvalidEndpointDiscoveryConfigurationError InvalidExpressionError
        InvalidHostLabelError InvalidProxiesConfigError InvalidRetryConfigurationError
        InvalidRetryModeError InvalidS3AddressingStyleError
        InvalidS3UsEast1RegionalEndpointConfigError InvalidSTSRegionalEndpointsConfigError
        MD5UnavailableError MissingDependencyException MissingParametersError
        OperationNotPageableError ParamValidationError ServiceNotInRegionError
        StubResponseError UndefinedModelAttributeError UnknownClientMethodError
        UnknownRegionError UnknownServiceStyle UnknownSignatureVersionError
        UnseekableStreamError UnsupportedOutpostResourceError
        UnsupportedS3AccesspointConfigurationError UnsupportedS3ArnError
        UnsupportedS3ConfigurationError UnsupportedS3ControlArnError
        UnsupportedS3ControlConfigurationError UnsupportedServiceProtocolsError
        UnsupportedSignatureVersionError ValidationError WaiterConfigError
    """,
    RateLimited: "CapacityNotAvailableError",
    Unavailable: """
        AwsChunkedWrapperError ChecksumError ConnectionError EventStreamError
        FlexibleChecksumError HTTPClientError IncompleteReadError MetadataRetrievalError
        PaginationError WaiterError
    """,
}

#: Name of a class in `botocore.exceptions` → what the caller must do. Subclasses follow
#: their nearest listed ancestor; ClientError is looked up by its code instead.
SDK_CLASSES: dict[str, type[ProviderError]] = {
    name: kind for kind, names in _SDK_BY_CLASS.items() for name in names.split()
}


def iam_service(operation: str) -> str:
    """Return the service whose permission an operation needs, as policies name it."""
    if operation.startswith("Assume") or operation == "GetSessionToken":
        return "sts"
    if operation == "GetAuthorizationToken":
        return "ecr"
    of_ssm = "Parameter" in operation or operation.endswith(("TagsForResource", "ToResource"))
    return "ssm" if of_ssm or operation == "RemoveTagsFromResource" else "secretsmanager"
