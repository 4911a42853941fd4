"""The catalogues that were published

Revision 0004, after 0003.
"""

from alembic import op
import sqlalchemy as sa


revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade():
    """Go forward."""
    op.create_table('catalogue',
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('version', sa.String(length=16), nullable=False),
    sa.Column('source', sa.String(length=16), nullable=False),
    sa.Column('at_ms', sa.BigInteger(), nullable=False),
    sa.Column('texts', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('number', name=op.f('pk_catalogue'))
    )


def downgrade():
    """Go back."""
    op.drop_table('catalogue')
